"""Policy gradient, actor and critic, and a replay memory, in a little corridor."""

import random
from collections import deque, namedtuple
from itertools import count

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical, Normal, kl_divergence

random.seed(0), np.random.seed(0), torch.manual_seed(0)
SavedAction = namedtuple("SavedAction", ["log_prob", "value"])
Transition = namedtuple("Transition", ("state", "action", "next_state", "reward"))
eps = np.finfo(np.float32).eps.item()


class Corridor:
    def reset(self):
        self.x, self.t = 3, 0
        return self.state()

    def state(self):
        return np.eye(7)[self.x]

    def step(self, action):
        self.x, self.t = self.x + (1 if action == 1 else -1), self.t + 1
        done = self.x in (0, 6) or self.t > 20
        return self.state(), float(self.x == 6), done, {}


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(7, 16)
        self.action_head = nn.Linear(16, 2)
        self.value_head = nn.Linear(16, 1)
        self.saved_actions, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        return F.softmax(self.action_head(x), dim=-1), self.value_head(x)


env, model = Corridor(), Policy()
optimizer = optim.Adam(model.parameters(), lr=3e-2)
wins = deque(maxlen=20)
for episode in count(1):
    state = env.reset()
    for t in range(30):
        probs, value = model(torch.from_numpy(state).float())
        m = Categorical(probs)
        action = m.sample()
        model.saved_actions.append(SavedAction(m.log_prob(action), value))
        state, reward, done, _ = env.step(action.item())
        model.rewards.append(reward)
        if done:
            break
    wins.append(reward)
    R, returns, policy_losses, value_losses = 0, [], [], []
    for r in model.rewards[::-1]:
        R = r + 0.99 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    for (log_prob, value), R in zip(model.saved_actions, returns):
        policy_losses.append(-log_prob * (R - value.item()))
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum()
    loss.backward()
    optimizer.step()
    del model.rewards[:], model.saved_actions[:]
    if episode == 60:
        break
print("played", episode, len(wins))

# Q-learning with a target network
memory = deque(maxlen=500)
policy_net, target_net = nn.Linear(7, 2), nn.Linear(7, 2)
target_net.load_state_dict(policy_net.state_dict())
optimizer = optim.RMSprop(policy_net.parameters(), lr=0.05)
for episode in range(30):
    state = torch.tensor(env.reset(), dtype=torch.float32).unsqueeze(0)
    for t in count():
        if random.random() > 0.3:
            with torch.no_grad():
                action = policy_net(state).max(1).indices.view(1, 1)
        else:
            action = torch.tensor([[random.randrange(2)]], dtype=torch.long)
        observation, reward, done, _ = env.step(action.item())
        reward = torch.tensor([reward])
        next_state = None if done else torch.tensor(observation, dtype=torch.float32).unsqueeze(0)
        memory.append(Transition(state, action, next_state, reward))
        state = next_state
        if len(memory) >= 16:
            batch = Transition(*zip(*random.sample(memory, 16)))
            mask = torch.tensor(tuple(map(lambda s: s is not None, batch.next_state)), dtype=torch.bool)
            nexts = torch.cat([s for s in batch.next_state if s is not None])
            q = policy_net(torch.cat(batch.state)).gather(1, torch.cat(batch.action))
            values = torch.zeros(16)
            with torch.no_grad():
                values[mask] = target_net(nexts).max(1)[0]
            expected = values * 0.9 + torch.cat(batch.reward)
            loss = nn.SmoothL1Loss()(q, expected.unsqueeze(1))
            optimizer.zero_grad()
            loss.backward()
            for param in policy_net.parameters():
                param.grad.data.clamp_(-1, 1)
            optimizer.step()
        if done:
            break
    target, policy = target_net.state_dict(), policy_net.state_dict()
    for key in policy:
        target[key] = policy[key] * 0.5 + target[key] * 0.5
    target_net.load_state_dict(target)
print("goes right next to the goal:", policy_net(torch.eye(7)[5]).argmax().item() == 1)
a, b = Normal(torch.zeros(2), torch.ones(2)), Normal(torch.ones(2), torch.full((2,), 2.0))
print(kl_divergence(a, b), a.log_prob(torch.zeros(2)).sum(-1), a.entropy(), b.rsample().shape)
