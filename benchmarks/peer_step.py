"""The peer of step.cpp in plain PyTorch: reads "train N", "eval N" or "sgemm N" and answers with
seconds; "flops" with those of one image's forward pass.

    python3 peer_step.py vit|resnet|resnet-channels-last THREADS BATCH

The models are written as a user would find them: the ViT as transformers writes it (vit-pico:
6 layers, width 128, 4 heads, 8 x 8 patches, 64 x 64 pixels), the ResNet as torchvision writes
resnet18, with 32/64/128/256 channels after a stem of 64. Random weights: they cost the same.
"""
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class ViTLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)
        self.before = nn.LayerNorm(width, eps=1e-12)
        self.after = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).permute(0, 2, 1, 3)

    def forward(self, x):
        y = self.before(x)
        q, k, v = self.split(self.query(y)), self.split(self.key(y)), self.split(self.value(y))
        scores = torch.matmul(q, k.transpose(-1, -2)) / q.shape[-1] ** 0.5
        mixed = torch.matmul(F.softmax(scores, dim=-1), v)
        x = x + self.output(mixed.permute(0, 2, 1, 3).reshape(x.shape))
        return x + self.down(F.gelu(self.up(self.after(x))))


class ViT(nn.Module):
    def __init__(self, width=128, layers=6, heads=4, hidden=512, patch=8, side=64, classes=200):
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.zeros(1, (side // patch) ** 2 + 1, width))
        self.layers = nn.ModuleList(ViTLayer(width, heads, hidden) for _ in range(layers))
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.head = nn.Linear(width, classes)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(len(x), -1, -1), x), dim=1) + self.positions
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x)[:, 0])


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                            nn.BatchNorm2d(outputs))

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(out)) + identity)


class ResNet18(nn.Module):
    def __init__(self, channels=(32, 64, 128, 256), classes=200):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, 2, 1)
        blocks, inputs = [], 64
        for stage, outputs in enumerate(channels):
            for i in range(2):
                blocks.append(BasicBlock(inputs, outputs, 2 if stage > 0 and i == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.pool(self.relu(self.bn1(self.conv1(x))))
        return self.fc(self.blocks(x).mean((2, 3)))


def forward_flops(model, images):
    """Of the linear layers, the convolutions and the products of attention, an image."""
    total = 0

    def count(module, inputs, output):
        nonlocal total
        if isinstance(module, ViTLayer):
            _, tokens, width = output.shape
            total += 2 * 2 * tokens * tokens * width * len(output)
        else:
            total += 2 * output.numel() * module.weight[0].numel()

    kinds = (nn.Linear, nn.Conv2d, ViTLayer)
    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, kinds)]
    with torch.no_grad():
        model(images)
    for hook in hooks:
        hook.remove()
    return total / len(images)


def main():
    kind, threads, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    model = ViT() if kind == "vit" else ResNet18()
    images = torch.randn(batch, 3, 64, 64)
    labels = torch.randint(200, (batch,))
    if kind.endswith("channels-last"):
        model = model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-5)

    def train():
        model.train()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    def evaluate():
        model.eval()
        with torch.no_grad():
            model(images)

    matrix = torch.randn(1024, 1024)
    work = {"train": train, "eval": evaluate, "sgemm": lambda: matrix @ matrix}
    for line in sys.stdin:
        what, *repetitions = line.split()
        if what == "flops":
            print(forward_flops(model, images), flush=True)
            continue
        start = time.perf_counter()
        for _ in range(int(repetitions[0])):
            work[what]()
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
