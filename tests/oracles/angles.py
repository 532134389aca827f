"""Methods of angles and norms as formulas in fp64 (formulas.py)."""
import itertools

import numpy as np

from formulas import Expected, size_of


def norm(x):
    return float(np.sqrt(np.sum(np.square(x, dtype=np.longdouble))))


def cosine(a, b):
    product = np.sum(np.asarray(a, np.longdouble) * b)
    return float(np.clip(product / (np.longdouble(norm(a)) * norm(b)), -1, 1))


def stock_ratio(taus, clamp, angles):
    """t of Model Stock, and by how much it magnifies errors of the cosine."""
    if all(not tau.any() for tau in taus):
        return 1.0, 1.0
    cosines = [cosine(a, b) for a, b in itertools.combinations(taus, 2) if a.any() and b.any()]
    if not cosines:
        return 0.0, 1.0
    mean, magnified = np.mean(cosines), 1.0
    if angles:
        mean = np.cos(np.mean(np.arccos(cosines)))
        magnified = max(1 / np.sqrt(max(1 - c * c, 2.0 ** -52)) for c in cosines)
    count = len(taus)
    if clamp and mean <= 0:
        return 0.0, magnified * count
    divisor = 1 + (count - 1) * mean
    if divisor == 0:
        return 0.0, np.inf
    return count * mean / divisor, magnified * (count / divisor ** 2 + 1)


def model_stock(case, clamp=True, angles=False, by_rows=False):
    result = {}
    for name in case.names:
        shape = case.rows(name) if by_rows else (1, -1)
        base = case.base[name].reshape(shape)
        taus = [tau.reshape(shape) for tau in case.taus(name)]
        values, scale = base.copy(), np.abs(base)
        for r in range(shape[0]):
            ratio, magnified = stock_ratio([tau[r] for tau in taus], clamp, angles)
            values[r] = base[r] + ratio * np.mean([tau[r] for tau in taus], 0)
            own = size_of([tau[r] for tau in taus])
            magnified = min(magnified, 1e30)
            scale[r] += (abs(ratio) + magnified * (1 + np.sqrt(own.size) / 8)) * own
        result[name] = Expected(values.ravel(), scale.ravel())
    return result


def slerp_row(a, b, t, linear_above):
    if np.array_equal(a, b):
        return a, np.abs(a), 1.0
    angle_cosine = cosine(a, b) if a.any() and b.any() else None
    if angle_cosine is None or abs(angle_cosine) > linear_above:
        return (1 - t) * a + t * b, np.abs(a) + np.abs(b), 1.0
    angle = np.arccos(angle_cosine)
    x, y = np.sin((1 - t) * angle) / np.sin(angle), np.sin(t * angle) / np.sin(angle)
    magnified = (1 + np.sqrt(a.size) / 8) / max(1 + angle_cosine, 1e-13) ** 1.5
    if abs(abs(angle_cosine) - linear_above) < 1e-13:
        magnified = np.inf
    return x * a + y * b, np.abs(a) + np.abs(b), magnified


def slerp(case, t, with_base, linear_above=0.9995, by_rows=False):
    result = {}
    for name in case.names:
        shape = case.rows(name) if by_rows else (1, -1)
        a, b = (v.reshape(shape) for v in
                (case.taus(name) if with_base else [m[name] for m in case.models]))
        rows = [slerp_row(a[r], b[r], t, linear_above) for r in range(shape[0])]
        values, scale = (np.concatenate([row[i] for row in rows]) for i in (0, 1))
        magnified = np.concatenate([np.full(row[0].size, row[2]) for row in rows])
        if with_base:
            values, scale = values + case.base[name], scale + np.abs(case.base[name])
        result[name] = Expected(values, scale * np.minimum(magnified, 1e30), units=256)
    return result


def mean_direction(units, shares, iterations, tolerance, origin):
    """The Karcher mean of unit vectors, and how much the steps magnify errors."""
    u = sum(share * unit for share, unit in zip(shares, units))
    length = norm(u)
    magnified = 1 / max(length, 1e-30)
    if length < tolerance:
        if iterations == 0:
            return None, 1.0
        # Rounding leaves a direction where there is none: only exact opposites are compared.
        u, magnified = units[origin], 1.0 if length < 1e-15 else np.inf
    else:
        u = u / length
    for _ in range(iterations):
        step = np.zeros_like(u)
        for share, unit in zip(shares, units):
            c = cosine(u, unit)
            angle = np.arccos(c)
            if min(abs(angle - tolerance), abs(np.pi - angle - tolerance)) < 1e-3 * tolerance:
                magnified = np.inf
            if angle < tolerance or angle > np.pi - tolerance:
                continue
            magnified = max(magnified, 1 / (1 + c) ** 1.5)
            step += share * angle / np.sin(angle) * (unit - c * u)
        length = norm(step)
        if abs(length - tolerance) < 1e-3 * tolerance:
            magnified = np.inf
        if length < tolerance:
            break
        u = np.cos(length) * u + np.sin(length) * step / length
        u /= norm(u)
    return u, magnified


def karcher(case, weights, with_base, iterations=10, tolerance=1e-5, order=None):
    """order: the models as the program takes them; it decides between opposite directions."""
    shares = np.array(weights, float) / np.sum(weights)
    result = {}
    for name in case.names:
        vectors = case.taus(name) if with_base else [model[name] for model in case.models]
        base = case.base[name] if with_base else np.zeros(vectors[0].size)
        if all(np.array_equal(v, vectors[0]) for v in vectors):
            result[name] = Expected(base + vectors[0], np.abs(base) + np.abs(vectors[0]))
            continue
        norms = np.array([norm(v) for v in vectors])
        used = [i for i in (order or range(len(vectors))) if norms[i] > 0 and shares[i] > 0]
        mean_norm, values, magnified = (shares * norms).sum(), np.zeros(base.size), 1.0
        if len(used) == 1:
            values = mean_norm * vectors[used[0]] / norms[used[0]]
        elif used:
            own = shares[used] / shares[used].sum()
            u, magnified = mean_direction([vectors[i] / norms[i] for i in used], own, iterations,
                                          tolerance, 0)
            if u is None:
                if len(vectors) != 2:
                    return None
                values = shares[0] * vectors[0] + shares[1] * vectors[1]
            else:
                values = mean_norm * u
        terms = mean_norm * sum(np.abs(vectors[i]) / norms[i] for i in used) if used else 0
        result[name] = Expected(base + values, np.abs(base) + terms * min(magnified, 1e30)
                                * (1 + np.sqrt(base.size) / 8), units=1024)
    return result
