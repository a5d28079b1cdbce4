"""Gradients as textbooks and papers print them, some with a slip that is often made: claims, to be decided."""

TEXTBOOK = """\
# Gradients as textbooks print them

Each line below a formula is a claim. What stands behind `#:` is the verdict that `derive claims` writes. Numbers are
those of equations in Petersen, Pedersen, The Matrix Cookbook, 2012.

## Traces and quadratic forms

```derive
A: m n;  B: n m;  X: n m;  C: n n;  S: n n : symmetric;  x: n;  y: n
T1 = trace(A @ X)  # 100
dT1/dX = A.T
T2 = trace(X.T @ C @ X)  # 108
dT2/dX = (C + C.T) @ X
dT2/dX = 2 * C @ X
T3 = x @ S @ x  # 81
dT3/dx = 2 * S @ x
T4 = x @ C @ y  # 70
dT4/dC = outer(x, y)
T5 = sum((C @ x - y) ** 2)
dT5/dx = 2 * C.T @ (C @ x - y)
T6 = trace(C @ X @ X.T)
dT6/dX = (C + C.T) @ X
T8 = trace(C @ C @ C)  # 121
dT8/dC = 3 * (C @ C).T
T9 = x @ X @ X.T @ y  # 77
dT9/dX = (outer(x, y) + outer(y, x)) @ X
T10 = (x - y) @ S @ (x - y)  # 86
dT10/dx = 2 * S @ (x - y)
```

## Inverses and determinants

```derive
A: n n;  B: n n;  X: n n;  a: n;  b: n;  Z: m n
L1 = logdet(X)  # 57
dL1/dX = inv(X).T
dL1/dX = inv(X)
L2 = det(X)  # 49
dL2/dX = det(X) * inv(X).T
L3 = det(A @ X @ B)  # 51
dL3/dX = det(A @ X @ B) * inv(X).T
L4 = logdet(Z.T @ Z)  # 55
dL4/dZ = 2 * Z @ inv(Z.T @ Z)
L5 = a @ inv(X) @ b  # 61
dL5/dX = -inv(X).T @ outer(a, b) @ inv(X).T
dL5/dX = -inv(X) @ outer(a, b) @ inv(X)
L6 = trace(A @ inv(X) @ B)  # 63
dL6/dX = -(inv(X) @ B @ A @ inv(X)).T
L7 = trace(inv(X + A))  # 64
dL7/dX = -(inv(X + A) @ inv(X + A)).T
L8 = det(X) ** 3  # 58
dL8/dX = 3 * det(X) ** 3 * inv(X).T
dL8/dX = 3 * det(X) ** 2 * inv(X).T
L9 = det(X.T @ A @ X)  # 52
dL9/dX = 2 * det(X.T @ A @ X) * inv(X).T
```

## The Gaussian

```derive
K: d d : spd;  x: d;  m: d;  C: d d
G1 = (x - m) @ inv(K) @ (x - m) / 2 + logdet(K) / 2
dG1/dm = -inv(K) @ (x - m)
dG1/dK = (inv(K) - inv(K) @ outer(x - m, x - m) @ inv(K)) / 2
dG1/dK = (inv(K) + inv(K) @ outer(x - m, x - m) @ inv(K)) / 2
G2 = trace(inv(K) @ C) + logdet(K)
dG2/dK = inv(K) - inv(K) @ C.T @ inv(K)
```

## Norms and log-sum-exp

```derive
x: n;  X: n d
N1 = sqrt(sum(x ** 2))  # 129
dN1/dx = x / sqrt(sum(x ** 2))
N2 = sum(X ** 2) / 2
dN2/dX = X
N3 = log(sum(exp(x)))
dN3/dx = exp(x) / sum(exp(x))
dN3/dx = exp(x) / (1 + sum(exp(x)))
N4 = sum(abs(x))
dN4/dx = sign(x)
N5 = norm(X)
dN5/dX = X / norm(X)
N6 = x @ x / 2 + logsumexp(x)
dN6/dx = x + softmax(x)
```

## Layers

```derive
X: n d;  W: d m;  b: m;  T: n m;  P: n m : stochastic;  G: n m;  w: d;  t: n
E1 = sum(G * (X @ W + b))
dE1/dX = G @ W.T
dE1/dW = X.T @ G
dE1/db = sum(G, axis=0)
dE1/db = G
E2 = mean((X @ w - t) ** 2)
dE2/dw = 2 * X.T @ (X @ w - t) / n
dE2/dw = 2 * X.T @ (X @ w - t)
S = sigmoid(X @ W + b)
E3 = sum(G * S)
dE3/dW = X.T @ (G * S * (1 - S))
dE3/dW = X.T @ (G * (1 - S))
E4 = sum(log(1 + exp(X @ w)) - t * (X @ w))
dE4/dw = X.T @ (sigmoid(X @ w) - t)
Z = X @ W
Q = exp(Z) / sum(exp(Z), axis=1, keepdims=True)
E5 = -sum(P * log(Q))
dE5/dZ = Q - P
E6 = -sum(T * log(Q))
dE6/dZ = Q - T
E7 = sum(G * Q)
dE7/dZ = Q * (G - sum(G * Q, axis=1, keepdims=True))
```

## Normalization and attention

```derive
x: n d;  G: n d;  Q: l k;  K: s k;  V: s e;  H: l e
m = mean(x, axis=1, keepdims=True)
v = mean((x - m) ** 2, axis=1, keepdims=True)
y = (x - m) / sqrt(v + 1/100000)
E1 = sum(G * y)
dE1/dx = (G - mean(G, axis=1, keepdims=True) - y * mean(G * y, axis=1, keepdims=True)) / sqrt(v + 1/100000)
dE1/dx = G / sqrt(v + 1/100000)
R = Q @ K.T / sqrt(k)
A = exp(R) / sum(exp(R), axis=1, keepdims=True)
E2 = sum(H * (A @ V))
dE2/dV = A.T @ H
dE2/dQ = (A * (H @ V.T - sum(A * (H @ V.T), axis=1, keepdims=True))) @ K / sqrt(k)
dE2/dQ = (A * (H @ V.T - sum(A * (H @ V.T), axis=1, keepdims=True))) @ K
```
"""
