"""Deep Q-learning balances a pole on a cart.

    python examples/dqn_cartpole.py [--epochs 1000] [--seed 0] [--out dqn_cartpole.png]

An epoch is an episode, 200 steps at most: CartPole-v0. A network with 100 hidden units learns how much
reward each push will bring from a memory of 50,000 steps, 128 a time, against a copy of itself that is
renewed every 1000 steps (V. Mnih and others, 2015). RMSProp at 1e-4, mean squared error, discount 0.99,
reward 0.1 a step and -1 for a fall, and a share of random pushes that falls from 0.75 to 0.2 over 1000
episodes: tinynn's example, for which no figure is published.

Gymnasium runs the pole where it is installed, else the same equations here. The picture: how long each
episode lasted.
"""

import importlib
import math
import time
from typing import Any

from common import arguments, progress, save_picture, table

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim

hidden = 100
learning_rate = 1e-4
discount = 0.99
first_random, last_random, random_episodes = 0.75, 0.2, 1000
memory_size, batch_size, renewal = 50_000, 128, 1000
longest = 200

options = arguments(__doc__, epochs=1000, picture=True).parse_args()
at.manual_seed(options.seed)


class CartPole:
    """The cart and pole of Barto, Sutton and Anderson (1983), with Gymnasium's methods and constants."""

    gravity, push, tick = 9.8, 10.0, 0.02
    cart_mass, pole_mass, half_length = 1.0, 0.1, 0.5

    def reset(self) -> tuple[list[float], dict[str, Any]]:
        """Put the cart near the middle, the pole nearly upright, both nearly at rest."""
        self.state = (at.rand(4) * 0.1 - 0.05).tolist()
        self.steps = 0
        return self.state, {}

    def step(self, action: int) -> tuple[list[float], float, bool, bool, dict[str, Any]]:
        """Push left (0) or right (1) for one tick; the episode ends at 12 degrees, 2.4 units or 200 steps."""
        x, speed, angle, turning = self.state
        mass = self.cart_mass + self.pole_mass
        pole = self.pole_mass * self.half_length
        force = self.push if action else -self.push
        sine, cosine = math.sin(angle), math.cos(angle)
        inner = (force + pole * turning**2 * sine) / mass
        bend = (self.gravity * sine - cosine * inner) / (
            self.half_length * (4 / 3 - self.pole_mass * cosine**2 / mass)
        )
        pull = inner - pole * bend * cosine / mass
        self.state = [
            x + self.tick * speed,
            speed + self.tick * pull,
            angle + self.tick * turning,
            turning + self.tick * bend,
        ]
        self.steps += 1
        fallen = abs(self.state[0]) > 2.4 or abs(self.state[2]) > 12 * math.pi / 180
        return self.state, 1.0, fallen, self.steps >= longest, {}


class Memory:
    """The last steps: state, action, reward, next state, and 0 where the episode fell, else 1."""

    def __init__(self, size: int) -> None:
        self.rows = at.zeros(size, 4 + 1 + 1 + 4 + 1)
        self.count = 0

    def add(self, state: Any, action: int, reward: float, following: Any, alive: float) -> None:
        """Remember a step, in place of the oldest where the memory is full."""
        self.rows[self.count % len(self.rows)] = at.tensor([*state, action, reward, *following, alive])
        self.count += 1

    def sample(self, size: int) -> tuple[Tensor, ...]:
        """Return what some steps drawn at random hold, a column or four each."""
        rows = self.rows[at.randint(min(self.count, len(self.rows)), (size,))]
        state, action, reward, following, alive = rows.split([4, 1, 1, 4, 1], dim=1)
        return state, action.long(), reward, following, alive


def make_environment() -> tuple[Any, str]:
    """Return the pole, and where it is from."""
    try:
        gymnasium = importlib.import_module("gymnasium")
    except ImportError:
        return CartPole(), "built in (pip install gymnasium for the other)"
    environment = gymnasium.make("CartPole-v1", max_episode_steps=longest)  # so far CartPole-v0
    environment.reset(seed=options.seed)
    return environment, "Gymnasium's"


def make_network() -> nn.Sequential:
    """Return a network from the state to the worth of both pushes."""
    return nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 2))


def best_action(state: Any) -> int:
    """Return the push that is worth more."""
    with at.no_grad():
        return int(network(at.tensor(state, dtype=at.float32)).argmax())


def learn() -> None:
    """Bring the worths of remembered steps nearer to reward plus discounted worth of what followed."""
    state, action, reward, following, alive = memory.sample(batch_size)
    with at.no_grad():
        wanted = reward + discount * alive * target(following).max(1, keepdim=True).values
    loss = F.mse_loss(network(state).gather(1, action), wanted)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


environment, origin = make_environment()
print(f"the pole: {origin}")
network, target = make_network(), make_network()
target.load_state_dict(network.state_dict())
optimizer = optim.RMSprop(network.parameters(), lr=learning_rate)
memory = Memory(memory_size)

lengths: list[int] = []
start = time.perf_counter()
for episode in progress(range(options.epochs), "episodes"):
    share = min(episode / random_episodes, 1.0)
    random = first_random + (last_random - first_random) * share
    state, _ = environment.reset()
    steps, over = 0, False
    while not over:
        action = int(at.randint(2, ())) if at.rand(()).item() < random else best_action(state)
        following, _, fallen, stopped, _ = environment.step(action)
        memory.add(state, action, -1.0 if fallen else 0.1, following, 0.0 if fallen else 1.0)
        state, steps, over = following, steps + 1, fallen or stopped
        if memory.count >= batch_size:
            learn()
        if memory.count % renewal == 0:
            target.load_state_dict(network.state_dict())
    lengths.append(steps)
    if (episode + 1) % 100 == 0 or episode + 1 == options.epochs:
        last = lengths[-100:]
        print(
            f"epoch {episode + 1}/{options.epochs}  random {random:.2f}  "
            f"steps, mean of the last {len(last)}: {sum(last) / len(last):.1f}",
            flush=True,
        )
seconds = time.perf_counter() - start

trials: list[int] = []
for _ in range(20 if options.epochs >= 20 else 1):
    state, _ = environment.reset()
    steps, over = 0, False
    while not over:
        state, _, fallen, stopped, _ = environment.step(best_action(state))
        steps, over = steps + 1, fallen or stopped
    trials.append(steps)

last = lengths[-100:]
table(
    (f"steps upright, of {longest}", "here"),
    (f"the first {len(lengths[:100])} episodes", sum(lengths[:100]) / len(lengths[:100])),
    (f"the last {len(last)}, some pushes random", sum(last) / len(last)),
    (f"{len(trials)} more, none random", sum(trials) / len(trials)),
)


def draw(figure: Any) -> None:
    """Draw how long each episode lasted, and the mean of fifty."""
    axes = figure.subplots()
    axes.plot(lengths, ".", markersize=3, alpha=0.5, label="an episode")
    if len(lengths) >= 50:
        means = at.tensor(lengths, dtype=at.float32).unfold(0, 50, 1).mean(1)
        axes.plot(range(49, len(lengths)), means.numpy(), label="mean of 50")
    axes.set(title="steps the pole stays up", xlabel="episode", ylim=(0, longest * 1.05))
    axes.legend()


save_picture(options.out, draw)
print(
    f"result: last_steps={sum(last) / len(last):.1f} greedy_steps={sum(trials) / len(trials):.1f} "
    f"training_steps={memory.count} seconds={seconds:.1f}"
)
