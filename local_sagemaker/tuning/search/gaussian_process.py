"""A Gaussian process over points of the unit cube, and the expected improvement of further ones.

Matern 5/2 with a length scale a hyperparameter, as in Amazon's own tuner (Perrone et al., arXiv 2012.08489, section 4).
Two categories of a hyperparameter are one unit apart. The process's own parameters are the most probable ones under
wide log-normal priors, which keeps them sensible with a handful of trials. Written in NumPy, because scikit-learn's
takes 100 MB and three seconds to import and knows neither priors nor categories.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import ndtr

from local_sagemaker.tuning.search.encoding import Array

# Of variance, length and noise: the prior's median, the standard deviation of its logarithm, and the bounds.
_VARIANCE = (1.0, 3.0, (0.05, 50.0))
_LENGTH = (0.5, 1.0, (0.03, 30.0))
_NOISE = (1e-4, 3.0, (1e-7, 0.5))
_STEPS = 40
_JITTER = 1e-8
_FANTASIES = 10
_WORST_SPREADS = 5.0


class GaussianProcess:
    """What normalised losses (n,) at points (n, columns) say of others; columns of `categorical` differ or do not."""

    def __init__(self, points: Array, losses: Array, categorical: NDArray[np.bool_]) -> None:
        self._points, self._categorical = points, categorical
        self._losses = losses[:, None]
        self._theta = _most_probable(self._squares(points, points), losses)
        self._condition()

    def improvement(self, pending: Array, generator: np.random.Generator) -> Callable[[Array], Array]:
        """Expected improvement, averaged over what the pending points (m, columns) may come to.

        Fantasies are drawn from the process at the pending points (Snoek et al., 2012, section 3.2). The process learns
        of them, so it can be asked once.
        """
        if len(pending):
            fantasies = self._draw(pending, generator)
            self._points = np.vstack([self._points, pending])
            self._losses = np.vstack([np.repeat(self._losses, _FANTASIES, axis=1), fantasies])
            self._condition()
        incumbents = self._losses.min(axis=0)

        def expected(candidates: Array) -> Array:
            mean, variance = self._predict(candidates)
            deviation = np.sqrt(variance)[:, None]
            gain = incumbents - mean
            density = np.exp(-0.5 * (gain / deviation) ** 2) / np.sqrt(2 * np.pi)
            return np.asarray((gain * ndtr(gain / deviation) + deviation * density).mean(axis=1))

        return expected

    def _condition(self) -> None:
        noise = np.exp(self._theta[-1]) + _JITTER
        kernel = _matern(self._squares(self._points, self._points), self._theta)
        self._factor = cholesky(kernel + noise * np.eye(len(kernel)), lower=True)
        self._weights = cho_solve((self._factor, True), self._losses)

    def _predict(self, points: Array) -> tuple[Array, Array]:
        """Mean (m, fantasies) and variance (m,)."""
        across = _matern(self._squares(points, self._points), self._theta)
        explained = solve_triangular(self._factor, across.T, lower=True)
        variance = np.exp(self._theta[0]) - (explained**2).sum(axis=0)
        return across @ self._weights, np.maximum(variance, 1e-12)

    def _draw(self, points: Array, generator: np.random.Generator) -> Array:
        """Joint samples (m, fantasies) at points."""
        across = _matern(self._squares(points, self._points), self._theta)
        explained = solve_triangular(self._factor, across.T, lower=True)
        covariance = _matern(self._squares(points, points), self._theta) - explained.T @ explained
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        return np.asarray(across @ self._weights + root @ generator.normal(size=(len(points), _FANTASIES)))

    def _squares(self, first: Array, second: Array) -> Array:
        """Squared distances (columns, n, m) along each column."""
        differences = first.T[:, :, None] - second.T[:, None, :]
        apart = np.where(self._categorical[:, None, None], differences != 0, differences)
        return np.asarray(apart**2, dtype=float)


def normalise(losses: Array) -> Array:
    """Losses with mean 0 and deviation 1, far outliers drawn in first.

    A diverged trial's 1e30 must not flatten the differences among the good ones.
    """
    middle, best = float(np.median(losses)), float(losses.min())
    spread = (middle - best) or float(losses.max() - best) or 1.0
    scaled = (np.minimum(losses, middle + _WORST_SPREADS * spread) - middle) / spread
    deviation = scaled.std()
    return np.asarray((scaled - scaled.mean()) / (deviation if deviation > 0 else 1.0))


def _matern(squares: Array, theta: Array) -> Array:
    """Matern 5/2 for theta = log(variance, lengths..., noise), without the noise."""
    radius = np.sqrt(5 * np.tensordot(np.exp(-2 * theta[1:-1]), squares, axes=1))
    return np.asarray(np.exp(theta[0] - radius) * (1 + radius + radius**2 / 3))


def _most_probable(squares: Array, losses: Array) -> Array:
    """The theta with the largest product of likelihood and prior."""
    columns, count = len(squares), len(losses)
    priors = [_VARIANCE, *[_LENGTH] * columns, _NOISE]
    medians = np.log([prior[0] for prior in priors])
    spreads = np.array([prior[1] for prior in priors])

    def objective(theta: Array) -> tuple[float, Array]:
        variance, scales, noise = np.exp(theta[0]), np.exp(-2 * theta[1:-1]), np.exp(theta[-1])
        kernel = _matern(squares, theta)
        factor = cholesky(kernel + (noise + _JITTER) * np.eye(count), lower=True)
        weights = cho_solve((factor, True), losses)
        # The gradient of half the trace: Rasmussen and Williams, equation 5.9.
        pull = cho_solve((factor, True), np.eye(count)) - np.outer(weights, weights)
        radius = np.sqrt(5 * np.tensordot(scales, squares, axes=1))
        by_length = pull * (5 / 3) * variance * (1 + radius) * np.exp(-radius)
        lengths = 0.5 * scales * np.tensordot(squares, by_length, axes=2)
        gradient = np.array([0.5 * (pull * kernel).sum(), *lengths, 0.5 * noise * np.trace(pull)])
        away = (theta - medians) / spreads
        value = 0.5 * losses @ weights + np.log(np.diag(factor)).sum() + 0.5 * away @ away
        return float(value), gradient + away / spreads

    bounds = np.log([prior[2] for prior in priors])
    found = minimize(objective, medians, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": _STEPS})
    return np.asarray(found.x)
