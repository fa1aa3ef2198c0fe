"""A VAE and a GAN on points of a circle; pictures saved, labels resized in place, parameters initialised."""

import math
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.parallel
import torch.optim as optim
import torch.utils.data
from torch.autograd import Variable

torch.manual_seed(3)
Tensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor
cuda = True if torch.cuda.is_available() else False


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        m.weight.data.normal_(0.0, 0.2)
        m.bias.data.fill_(0)
    elif classname.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0.0)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc21 = nn.Linear(32, 2)
        self.fc22 = nn.Linear(32, 2)
        self.decoder = nn.Sequential(nn.Linear(2, 32), nn.ReLU(inplace=True), nn.Linear(32, 2), nn.Sigmoid())

    def reparameterize(self, mu, logvar):
        std = logvar.mul(0.5).exp_()
        eps = torch.randn_like(std)
        return eps.mul(std).add_(mu)

    def forward(self, x):
        h1 = F.relu(self.fc1(x.view(-1, 2)))
        mu, logvar = self.fc21(h1), self.fc22(h1)
        return self.decoder(self.reparameterize(mu, logvar)), mu, logvar


def circle(n):
    angle = torch.rand(n) * 2 * math.pi
    return torch.stack([angle.cos(), angle.sin()], dim=1) * 0.4 + 0.5


vae = VAE()
optimizer = optim.Adam(vae.parameters(), lr=1e-2, betas=(0.9, 0.999))
losses = []
for step in range(60):
    data = circle(64)
    recon, mu, logvar = vae(data)
    bce = F.binary_cross_entropy(recon, data, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    loss = bce + kld
    optimizer.zero_grad()
    loss.backward()
    losses.append(loss.item())
    optimizer.step()
print("vae loss falls:", losses[-1] < losses[0], "finite:", all(math.isfinite(v) for v in losses))

netG = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.LeakyReLU(0.2, True), nn.Linear(16, 2))
netD = nn.Sequential(
    nn.Linear(2, 16), nn.LeakyReLU(0.2, inplace=True), nn.Dropout(0.1), nn.Linear(16, 1), nn.Sigmoid()
)
netG.apply(weights_init)
netD.apply(weights_init)
criterion = nn.BCELoss()
if cuda:
    netG.cuda(), netD.cuda(), criterion.cuda()
optimizerD = optim.Adam(netD.parameters(), lr=0.002, betas=(0.5, 0.999))
optimizerG = optim.Adam(netG.parameters(), lr=0.002, betas=(0.5, 0.999))
label = torch.FloatTensor(8)
for i in range(10):
    netD.zero_grad()
    real = Variable(circle(32).type(Tensor))
    label.resize_(real.size(0), 1).fill_(1)
    errD_real = criterion(netD(real), label)
    errD_real.backward()
    fake = nn.parallel.data_parallel(netG, torch.randn(32, 4), None)
    errD_fake = criterion(netD(fake.detach()), Variable(Tensor(32, 1).fill_(0.0), requires_grad=False))
    errD_fake.backward()
    errD = errD_real + errD_fake
    optimizerD.step()
    for p in netD.parameters():
        p.requires_grad = False
    netG.zero_grad()
    errG = criterion(netD(fake), label)
    errG.backward()
    optimizerG.step()
    for p in netD.parameters():
        p.requires_grad = True
print("gan:", math.isfinite(errD.item()), math.isfinite(errG.item()), fake.shape[1])

# gradient penalty of WGAN-GP
alpha = torch.rand(32, 1)
inter = (alpha * real.data + (1 - alpha) * fake.data).requires_grad_(True)
d_inter = netD(inter)
grads = torch.autograd.grad(
    outputs=d_inter,
    inputs=inter,
    grad_outputs=torch.ones_like(d_inter),
    create_graph=True,
    retain_graph=True,
    only_inputs=True,
)[0]
penalty = ((grads.view(grads.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()
penalty.backward()
print("penalty:", penalty.item() > 0, netD[0].weight.grad is not None)
for p in netD.parameters():
    p.data.clamp_(-0.01, 0.01)
print("clipped:", all(p.abs().max() <= 0.01 for p in netD.parameters()))

folder = tempfile.mkdtemp()
torch.save(netG, os.path.join(folder, "generator.pt"))
again = torch.load(os.path.join(folder, "generator.pt"), weights_only=False)
again.eval(), netG.eval()
z = torch.randn(3, 4)
print("whole model loaded:", torch.equal(again(z), netG(z)), type(again).__name__)
