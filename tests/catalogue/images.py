"""Convolutions and poolings told by loops over every entry: what the layers are compared with."""

from itertools import product

import numpy as np


def pair(value):
    return tuple(value) if isinstance(value, tuple) else (value, value)


def cells(size, kernel, stride, padding, dilation, count):
    """For every window along one axis the places of its kernel that lie in the image: (window, place, entry)."""
    for window, place in product(range(count), range(kernel)):
        entry = stride * window + dilation * place - padding
        if 0 <= entry < size:
            yield window, place, entry


def length(size, kernel, stride, padding, dilation, ceil_mode=False):
    """How many windows there are; with ``ceil_mode`` also one that runs over, if it begins before the image ends."""
    reach = size + 2 * padding - dilation * (kernel - 1) - 1
    if not ceil_mode:
        return reach // stride + 1
    count = -(-reach // stride) + 1
    return count - 1 if (count - 1) * stride >= size + padding else count


def conv2d(input, weight, bias, stride=1, padding=0, dilation=1, groups=1):
    """The output, and for an upstream gradient the three gradients."""
    (s, t), (p, q), (d, e) = pair(stride), pair(padding), pair(dilation)
    (n, _, h, w), (outputs, inputs, kh, kw) = input.shape, weight.shape
    y, x = length(h, kh, s, p, d), length(w, kw, t, q, e)
    rows, columns = list(cells(h, kh, s, p, d, y)), list(cells(w, kw, t, q, e, x))
    per = outputs // groups

    def pairs():
        for o, c in product(range(outputs), range(inputs)):
            yield o, c, o // per * inputs + c

    Y = np.zeros((n, outputs, y, x)) + bias[:, None, None]
    for (o, c, channel), (a, i, r), (b, j, k) in product(pairs(), rows, columns):
        Y[:, o, a, b] += weight[o, c, i, j] * input[:, channel, r, k]

    def backward(dY):
        dinput, dweight = np.zeros(input.shape), np.zeros(weight.shape)
        for (o, c, channel), (a, i, r), (b, j, k) in product(pairs(), rows, columns):
            dinput[:, channel, r, k] += weight[o, c, i, j] * dY[:, o, a, b]
            dweight[o, c, i, j] += input[:, channel, r, k] @ dY[:, o, a, b]
        return {"input": dinput, "weight": dweight, "bias": np.einsum("noyx->o", dY)}

    return Y, backward


def conv_transpose2d(input, weight, bias, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    """The same for the reverse of a convolution: entry a of the images meets place i at stride*a + dilation*i - padding."""
    (s, t), (p, q), (u, v), (d, e) = pair(stride), pair(padding), pair(output_padding), pair(dilation)
    (n, channels, h, w), (_, outputs, kh, kw) = input.shape, weight.shape
    y, x = s * (h - 1) - 2 * p + d * (kh - 1) + u + 1, t * (w - 1) - 2 * q + e * (kw - 1) + v + 1
    rows, columns = list(cells(y, kh, s, p, d, h)), list(cells(x, kw, t, q, e, w))
    per = channels // groups

    def pairs():
        for c, o in product(range(channels), range(outputs)):
            yield c, o, c // per * outputs + o

    Y = np.zeros((n, outputs * groups, y, x)) + bias[:, None, None]
    for (c, o, channel), (a, i, r), (b, j, k) in product(pairs(), rows, columns):
        Y[:, channel, r, k] += weight[c, o, i, j] * input[:, c, a, b]

    def backward(dY):
        dinput, dweight = np.zeros(input.shape), np.zeros(weight.shape)
        for (c, o, channel), (a, i, r), (b, j, k) in product(pairs(), rows, columns):
            dinput[:, c, a, b] += weight[c, o, i, j] * dY[:, channel, r, k]
            dweight[c, o, i, j] += input[:, c, a, b] @ dY[:, channel, r, k]
        return {"input": dinput, "weight": dweight, "bias": np.einsum("noyx->o", dY)}

    return Y, backward


def windows_of(input, kernel_size, stride, padding, dilation, ceil_mode):
    """The windows of every image: (row, column, [(row of the image, column)])."""
    (kh, kw), (p, q), (d, e) = pair(kernel_size), pair(padding), pair(dilation)
    s, t = pair(kernel_size if stride is None else stride)
    h, w = input.shape[2:]
    y, x = length(h, kh, s, p, d, ceil_mode), length(w, kw, t, q, e, ceil_mode)
    rows, columns = list(cells(h, kh, s, p, d, y)), list(cells(w, kw, t, q, e, x))
    found = {(a, b): [] for a, b in product(range(y), range(x))}
    for (a, _, r), (b, _, k) in product(rows, columns):
        found[a, b].append((r, k))
    return (y, x), found


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest entry of every window; the gradient goes to the first of them, row by row."""
    size, windows = windows_of(input, kernel_size, stride, padding, dilation, ceil_mode)
    Y = np.zeros((*input.shape[:2], *size))
    first = {}
    for (a, b), places in windows.items():
        for n, c in np.ndindex(input.shape[:2]):
            first[n, c, a, b] = max(sorted(places), key=lambda place: input[(n, c, *place)])
            Y[n, c, a, b] = input[(n, c, *first[n, c, a, b])]

    def backward(dY):
        dinput = np.zeros(input.shape)
        for (n, c, a, b), place in first.items():
            dinput[(n, c, *place)] += dY[n, c, a, b]
        return {"input": dinput}

    return Y, backward


def avg_pool2d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    """The sum of every window, divided by how many entries of the image or of the padded image it has."""
    size, windows = windows_of(input, kernel_size, stride, padding, 1, ceil_mode)
    (p, q), (s, t) = pair(padding), pair(kernel_size if stride is None else stride)
    (kh, kw), (h, w) = pair(kernel_size), input.shape[2:]

    def divisor(a, b, places):
        if divisor_override is not None:
            return divisor_override
        if not count_include_pad:
            return len(places)
        return (min(s * a + kh, h + 2 * p) - s * a) * (min(t * b + kw, w + 2 * q) - t * b)

    Y = np.zeros((*input.shape[:2], *size))
    for (a, b), places in windows.items():
        for r, k in places:
            Y[:, :, a, b] += input[:, :, r, k] / divisor(a, b, places)

    def backward(dY):
        dinput = np.zeros(input.shape)
        for (a, b), places in windows.items():
            for r, k in places:
                dinput[:, :, r, k] += dY[:, :, a, b] / divisor(a, b, places)
        return {"input": dinput}

    return Y, backward
