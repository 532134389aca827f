"""Means of models as formulas on whole vectors in fp64, from the papers and the headers.

A Case holds the tensors to merge as flat arrays. Each formula returns {name: Expected}; they have
no code in common with the program and none of its order of work.
"""
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np


@dataclass
class Case:
    names: list  # in the order of their bytes, as the program numbers the positions
    shapes: dict
    models: list  # of {name: flat values}
    base: dict
    keys: list = field(default_factory=list)  # of the models' contents, for DARE

    def taus(self, name):
        return [model[name] - self.base[name] for model in self.models]

    def rows(self, name):
        shape = self.shapes[name]
        return (shape[0], -1) if len(shape) > 1 and 0 not in shape else (1, -1)


@dataclass
class Expected:
    values: np.ndarray
    scale: np.ndarray = 0.0  # magnitude of the terms
    units: float = 64.0  # how many units of fp64 of it the program may be off
    exact: np.ndarray = False  # where nothing but the last rounding is allowed
    unsure: np.ndarray = False  # where rounding decides between two results
    dtype: str = ""  # of the output, where it isn't the models'


def last_bit(values):
    """The exponents of the lowest bits that are set; large for zeros."""
    fractions, exponents = np.frexp(values)
    whole = np.ldexp(fractions, 53).astype(np.int64)
    return np.where(whole == 0, 2000, exponents - 53 + np.frexp((whole & -whole) * 1.0)[1] - 1)


def total(terms):
    """A sum of arrays, and where it is exact in fp64 whatever the order of the additions."""
    terms = [np.asarray(term, np.float64) for term in terms]
    size = np.frexp(sum(np.abs(term) for term in terms))[1]
    return sum(terms), size - np.min([last_bit(term) for term in terms], 0) <= 53


def size_of(terms):
    return sum(np.abs(term) for term in terms)


# --- means and lines ---

def average(case, weights):
    """sum w theta / sum w; one rounding to fp64 and one to the type when the weights are equal."""
    result = {}
    for name in case.names:
        values = [model[name] for model in case.models]
        same = np.all([value == values[0] for value in values], 0)
        if len(set(weights)) == 1:
            whole, exact = total(values)
            mean = whole / len(values)
            for i in np.flatnonzero(~exact):
                mean[i] = float(sum(Fraction(float(value[i])) for value in values) / len(values))
            # The quotient of an exact sum is rounded as the program rounds it.
            result[name] = Expected(mean, exact=np.ones(mean.shape, bool))
            continue
        shares = np.array(weights) / np.sum(weights)
        terms = [share * value for share, value in zip(shares, values)]
        mean = np.where(same, values[0], sum(terms))
        result[name] = Expected(mean, size_of(values) * max(1, np.abs(shares).max()), exact=same)
    return result


def linear(case, weights):
    result = {}
    for name in case.names:
        terms = [weight * model[name] for weight, model in zip(weights, case.models)]
        result[name] = Expected(sum(terms), size_of(terms))
    return result


def interpolate(case, alpha):
    result = {}
    for name in case.names:
        a, b = (model[name] for model in case.models)
        line = (1 - alpha) * a + alpha * b
        line = np.where(a == b, a, {0: a, 1: b}.get(alpha, line))
        result[name] = Expected(line, np.abs((1 - alpha) * a) + np.abs(alpha * b),
                                exact=np.full(a.shape, alpha in (0, 1)) | (a == b))
    return result


def total_variance(means, variances, shares):
    """BatchNorm's statistics of a mixture: mean, and mean(var) + var(mean)."""
    mean = sum(share * value for share, value in zip(shares, means))
    variance = sum(share * (value + (own - mean) ** 2)
                   for share, value, own in zip(shares, variances, means))
    scale = size_of(variances) + size_of(means) ** 2
    return (Expected(mean, size_of(means)),
            Expected(np.maximum(variance, 0) if min(shares) < 0 else variance, scale))


# --- statistics of data ---

def fisher(case, weights, files, minimum, add, normalize):
    factors = np.ones(len(files))
    if normalize:
        inside = [name for name in case.names if all(name in file for file in files)]
        factors = 1 / (np.array([np.sqrt(sum((file[n] ** 2).sum() for n in inside))
                                 for file in files]) + minimum)
        factors /= factors.sum()
    result = {}
    for name in case.names:
        values = [model[name] for model in case.models]
        if all(name in file for file in files):
            counts = [weight * factor * (file[name] + minimum if add
                                         else np.maximum(file[name], minimum))
                      for weight, factor, file in zip(weights, factors, files)]
            blind = sum(counts) == 0
            counts = [np.where(blind, weight, count) for weight, count in zip(weights, counts)]
        else:
            counts = [np.full(values[0].size, weight) for weight in weights]
        same = np.all([v == values[0] for v, w in zip(values, weights) if w > 0] or [True], 0)
        merged = sum(count * value for count, value in zip(counts, values)) / sum(counts)
        result[name] = Expected(merged, size_of(values))
        if all(weight > 0 for weight in weights):
            result[name].values = np.where(same, values[0], merged)
            result[name].exact = same
    return result


def regmean(case, weights, files, off_diagonal):
    result = {}
    for name in case.names:
        values = [model[name] for model in case.models]
        mean = sum(w * v for w, v in zip(weights, values)) / sum(weights)
        key = name if name in files[0] else name.removesuffix(".weight") + ".gram"
        if not all(key in file for file in files):
            result[name] = Expected(mean, size_of(values))
            continue
        grams = [weight * (off_diagonal * file[key]
                           + (1 - off_diagonal) * np.diag(np.diag(file[key])))
                 for weight, file in zip(weights, files)]
        matrices = [(value - mean).reshape(case.shapes[name][0], -1).T for value in values]
        whole = sum(grams)
        # An input that is always zero says nothing about its weights: they are the mean's.
        alive = np.diag(whole) > 0
        step = np.zeros(matrices[0].shape)
        right = sum(gram @ matrix for gram, matrix in zip(grams, matrices))
        step[alive] = np.linalg.solve(whole[np.ix_(alive, alive)], right[alive])
        condition = np.linalg.cond(whole[np.ix_(alive, alive)]) if alive.any() else 1
        largest_one = max(np.abs(matrix).max() for matrix in matrices)
        slack = condition * largest_one * (1 if alive.all() else 1 + 1e-12 * 2.0 ** 53 / 64)
        result[name] = Expected(mean + step.T.ravel(), size_of(values) + slack,
                                units=64 + 8 * mean.size ** 0.5)
    return result
