"""Muon: momentum, orthogonalised (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/).

For the 2-D matrices inside the layers; embeddings and norms are left to AdamW.
"""

import torch

from products import cpu_has_bfloat16

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonalise(matrix, dtype=torch.float32):
    """Nearly the closest orthogonal matrix, by a quintic Newton-Schulz iteration in `dtype`."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.t() if tall else matrix
    x = (x / (x.norm() + 1e-7)).to(dtype)
    for _ in range(ITERATIONS):
        gram = x @ x.t()
        x = a * x + torch.addmm(gram, gram, gram, beta=b, alpha=c) @ x
    return (x.t() if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """`pool.map` spreads the matrices over threads."""

    def __init__(self, parameters, lr, momentum, pool):
        super().__init__(parameters, {"lr": lr, "momentum": momentum})
        self.pool = pool
        self.dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32

    def step(self, closure=None):
        for group in self.param_groups:
            self.pool.map(lambda parameter: self.update(parameter, group), group["params"])

    @torch.no_grad()
    def update(self, parameter, group):
        state = self.state[parameter]
        if not state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity = state["velocity"].lerp_(parameter.grad, 1 - group["momentum"])
        update = orthogonalise(parameter.grad.lerp(velocity, group["momentum"]), self.dtype)
        rows, columns = parameter.shape
        rate = group["lr"] * max(1.0, rows / columns) ** 0.5
        parameter.add_(update, alpha=-rate)
