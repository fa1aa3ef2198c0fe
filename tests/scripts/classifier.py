"""A first image classifier: CNN, Adadelta, StepLR, a checkpoint, as in countless MNIST tutorials."""

import argparse
import os
import tempfile

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split


class Stripes(Dataset):
    """Pictures of horizontal and vertical stripes, and of noise."""

    def __init__(self, n, seed=0):
        rng = np.random.default_rng(seed)
        self.targets = torch.from_numpy(rng.integers(0, 3, n))
        pictures = rng.normal(0, 0.3, (n, 1, 12, 12)).astype(np.float32)
        for picture, kind in zip(pictures, self.targets.tolist()):
            if kind == 0:
                picture[0, ::3] += 1
            elif kind == 1:
                picture[0, :, ::3] += 1
        self.data = torch.tensor(pictures)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        if torch.is_tensor(index):
            index = index.tolist()
        return self.data[index], self.targets[index]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1)
        self.conv2 = nn.Conv2d(8, 8, 3, 1)
        self.dropout = nn.Dropout2d(0.1)
        self.fc = nn.Linear(8 * 4 * 4, 3)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(F.max_pool2d(self.dropout(self.conv2(x)), 2))
        x = torch.flatten(x, 1)
        return F.log_softmax(self.fc(x), dim=1)


def train(args, model, device, loader, optimizer, epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(loader):
        data, target = data.to(device, non_blocking=True), target.to(device, non_blocking=True)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def test(model, device, loader):
    model.eval()
    test_loss, correct = 0, 0
    for data, target in loader:
        data, target = data.to(device), target.to(device)
        output = model(data)
        test_loss += F.nll_loss(output, target, reduction="sum").item()
        pred = output.argmax(dim=1, keepdim=True)
        correct += pred.eq(target.view_as(pred)).sum().item()
    return test_loss / len(loader.dataset), correct / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    use_cuda = torch.cuda.is_available()
    torch.manual_seed(args.seed)
    torch.cuda.manual_seed_all(args.seed)
    if use_cuda:
        device = torch.device("cuda")
    elif torch.backends.mps.is_available():
        device = torch.device("mps")
    else:
        device = torch.device("cpu")
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    kwargs = {"num_workers": 1, "pin_memory": True} if use_cuda else {}

    train_set, valid_set = random_split(Stripes(360), [300, 60], generator=torch.Generator().manual_seed(0))
    train_loader = DataLoader(train_set, batch_size=32, shuffle=True, drop_last=True, **kwargs)
    valid_loader = torch.utils.data.DataLoader(valid_set, batch_size=60, **kwargs)
    model = Net().to(device)
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.7)
    best = 0.0
    path = os.path.join(tempfile.mkdtemp(), "best.pt")
    for epoch in range(1, args.epochs + 1):
        train(args, model, device, train_loader, optimizer, epoch)
        loss, accuracy = test(model, device, valid_loader)
        scheduler.step()
        if accuracy >= best:
            best = accuracy
            torch.save(
                {
                    "epoch": epoch,
                    "args": args,
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scheduler": scheduler.state_dict(),
                },
                path,
            )
    checkpoint = torch.load(path, map_location=device, weights_only=False)
    again = Net().to(device)
    print(again.load_state_dict(checkpoint["model"]))
    optimizer.load_state_dict(checkpoint["optimizer"])
    scheduler.load_state_dict(checkpoint["scheduler"])
    print("same accuracy after loading:", test(again, device, valid_loader)[1] == best)
    print("learned:", best > 0.9, "lr %.4f" % scheduler.get_last_lr()[0], checkpoint["args"].epochs)
    x, y = next(iter(DataLoader(TensorDataset(torch.ones(4, 2), torch.arange(4)), batch_size=2)))
    print(x.shape == torch.Size([2, 2]), y)


if __name__ == "__main__":
    main()
