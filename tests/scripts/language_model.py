"""A word language model with LSTM and with GRU: truncated backpropagation, clipping, annealing, sampling."""

import math
import time

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

torch.manual_seed(1111)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
text = ("the cat sat on the mat . the dog sat on the log . " * 20).split()
words = sorted(set(text))
word2idx = {w: i for i, w in enumerate(words)}
ids = torch.LongTensor(len(text))
for i, w in enumerate(text):
    ids[i] = word2idx[w]


def batchify(data, bsz):
    nbatch = data.size(0) // bsz
    data = data.narrow(0, 0, nbatch * bsz)
    return data.view(bsz, -1).t().contiguous().to(device)


class RNNModel(nn.Module):
    def __init__(self, rnn_type, ntoken, ninp, nhid, nlayers, dropout=0.1, tie_weights=False):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = getattr(nn, rnn_type)(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            self.decoder.weight = self.encoder.weight
        initrange = 0.1
        nn.init.uniform_(self.encoder.weight, -initrange, initrange)
        nn.init.zeros_(self.decoder.bias)
        self.rnn_type, self.nhid, self.nlayers, self.ntoken = rnn_type, nhid, nlayers, ntoken

    def forward(self, input, hidden):
        self.rnn.flatten_parameters()
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output)).view(-1, self.ntoken)
        return nn.functional.log_softmax(decoded, dim=1), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        if self.rnn_type == "LSTM":
            return (
                weight.new_zeros(self.nlayers, bsz, self.nhid),
                weight.new_zeros(self.nlayers, bsz, self.nhid),
            )
        return weight.new(self.nlayers, bsz, self.nhid).zero_()


def repackage_hidden(h):
    if isinstance(h, torch.Tensor):
        return h.detach()
    return tuple(repackage_hidden(v) for v in h)


for kind, tied in (("LSTM", True), ("GRU", False)):
    model = RNNModel(kind, len(words), 16, 16, 2, tie_weights=tied).to(device)
    criterion = nn.NLLLoss()
    lr, best, train_data = 5.0, None, batchify(ids, 4)
    for epoch in range(6):
        model.train()
        total, start = 0.0, time.time()
        hidden = model.init_hidden(4)
        for i in range(0, train_data.size(0) - 1, 10):
            n = min(10, len(train_data) - 1 - i)
            data, targets = train_data[i : i + n], train_data[i + 1 : i + 1 + n].view(-1)
            model.zero_grad()
            hidden = repackage_hidden(hidden)
            output, hidden = model(data, hidden)
            loss = criterion(output, targets)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
            for p in model.parameters():
                p.data.add_(p.grad, alpha=-lr)
            total += len(data) * loss.item()
        mean = total / len(train_data)
        if best is None or mean < best:
            best = mean
        else:
            lr /= 4.0
    print(
        kind,
        "perplexity below that of guessing:",
        math.exp(best) < len(words),
        elapsed_ok := time.time() >= start,
    )
    model.eval()
    with torch.no_grad():
        hidden = model.init_hidden(1)
        input = torch.randint(len(words), (1, 1), dtype=torch.long).to(device)
        generated = []
        for _ in range(5):
            output, hidden = model(input, hidden)
            weights = output.squeeze().div(1.0).exp().cpu()
            idx = torch.multinomial(weights, 1)[0]
            input.fill_(idx)
            generated.append(words[idx])
    print(len(generated), sum(p.numel() for p in model.parameters() if p.requires_grad))

# sequences of different lengths
seqs = [torch.tensor([1, 2, 3]), torch.tensor([4]), torch.tensor([5, 6])]
lengths = torch.LongTensor([len(s) for s in seqs])
padded = pad_sequence(seqs, batch_first=True, padding_value=0)
lengths, perm = lengths.sort(0, descending=True)
padded = padded[perm]
embed, lstm = nn.Embedding(10, 3, padding_idx=0), nn.LSTM(3, 5, batch_first=True, bidirectional=True)
packed = pack_padded_sequence(embed(padded), lengths.cpu().numpy(), batch_first=True)
out, (ht, ct) = lstm(packed)
out, out_lengths = pad_packed_sequence(out, batch_first=True)
print(padded.tolist(), out.size(), out_lengths, ht[-1].size(), embed.weight[0].sum().item())
h = torch.zeros(3, int(lengths.max()), 2).masked_fill_(padded.unsqueeze(-1) == 0, -1e9)
print((torch.arange(3)[None, :] < lengths[:, None]).sum(1), (h < 0).sum().item())
