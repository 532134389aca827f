"""Methods that add sparse task vectors to the base, as formulas in fp64 (formulas.py)."""
import numpy as np

from checkpoints import kept_by_chance
from formulas import Expected, size_of, total


def untouched(case):
    return {name: case.taus(name) for name in case.names}


def each_tensor(case, sparsify):
    return {name: [sparsify(tau) for tau in case.taus(name)] for name in case.names}


def whole_models(case, sparsify):
    ends = np.cumsum([case.base[name].size for name in case.names])[:-1]
    parts = []
    for i in range(len(case.models)):
        flat = np.concatenate([case.taus(name)[i] for name in case.names])
        parts.append(np.split(sparsify(flat), ends))
    return {name: [part[j] for part in parts] for j, name in enumerate(case.names)}


def largest(tau, count):
    """A mask of the `count` largest magnitudes; of equal ones the first."""
    mask = np.zeros(tau.size, bool)
    mask[np.argsort(-np.abs(tau), kind="stable")[:max(count, 0)]] = True
    return mask


def kept(density, size, count):
    exact = density * size
    return max(1, int(exact) if count == "truncated" else int(np.floor(exact + 0.5)))


def trim(density, count="rounded"):
    def sparsify(tau):
        if count != "at_least":
            return np.where(largest(tau, kept(density, tau.size, count)), tau, 0)
        rank = min(tau.size, int(density * tau.size) + 1)
        threshold = np.sort(np.abs(tau))[::-1][rank - 1] if tau.size else 0
        return np.where(np.abs(tau) >= threshold, tau, 0)
    return sparsify


def breadcrumbs(density, gamma, count="rounded"):
    def sparsify(tau):
        stay = kept(density, tau.size, count)
        drop = max(0, min(int(gamma * tau.size), tau.size - stay))
        return np.where(largest(tau, drop + stay) & ~largest(tau, drop), tau, 0)
    return sparsify


def dare(case, density, seed, rescale):
    factor = 1 / density if rescale else 1
    return {name: [tau * kept_by_chance(key, name, tau.size, density, seed) * factor
                   for key, tau in zip(case.keys, case.taus(name))] for name in case.names}


# --- what becomes of them ---

def onto_base(case, name, step, terms, unsure=False):
    base = case.base[name]
    return Expected(base + step, np.abs(base) + terms, exact=step == 0, unsure=unsure)


def summed(case, vectors, weights, scale=1.0, normalize=False):
    divisor = sum(weights) if normalize and sum(weights) != 0 else 1
    result = {}
    for name, taus in vectors.items():
        terms = [weight * tau for weight, tau in zip(weights, taus)]
        step, exact = total(terms)
        result[name] = onto_base(case, name, scale * step / divisor,
                                 size_of(terms) * abs(scale / divisor))
        # A sum of zero may be a rounded one in the program.
        result[name].exact &= exact
        binary = divisor == 1 and np.frexp(scale)[0] in (0.5, -0.5)
        if binary and all(np.frexp(weight)[0] in (0.5, -0.5) for weight in weights):
            result[name].exact |= exact & total([case.base[name], scale * step])[1]
    return result


def elected(case, vectors, weights, scale=1.0, normalize=False, zero="none"):
    votes, unclear = {}, {}
    for name, taus in vectors.items():
        values = np.array([weight * tau for weight, tau in zip(weights, taus)])
        plus, plus_exact = total(np.maximum(values, 0))
        minus, minus_exact = total(np.minimum(values, 0))
        near = np.abs(plus + minus) <= 2.0 ** -40 * (plus - minus)
        votes[name] = values, np.sign(plus + minus)
        unclear[name] = near & ~(plus_exact & minus_exact)
    signs = sum(sign.sum() for _, sign in votes.values())
    open_ones = sum(mask.sum() for mask in unclear.values())
    majority = np.sign(signs)
    instead = {"none": 0, "positive": 1, "majority": majority,
               "reference": majority if majority != 0 else -1}[zero]
    result = {}
    for name, (values, sign) in votes.items():
        unsure = unclear[name]
        if zero in ("majority", "reference") and abs(signs) <= open_ones > 0:
            unsure = unsure | (sign == 0)
        sign = np.where(sign == 0, instead, sign)
        agree = (np.sign(values) == sign) & (values != 0)
        terms = values * agree
        divisor = (np.array(weights, float)[:, None] * agree).sum(0) if normalize else 1.0
        divisor = np.where(divisor == 0, 1, divisor)
        result[name] = onto_base(case, name, scale * terms.sum(0) / divisor,
                                 np.abs(scale * terms / divisor).sum(0), unsure)
    return result
