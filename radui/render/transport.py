"""A transport plan -> its figures, for a reader who asks whether it was solved."""

from radui.explain.transport import TransportFigures, figures
from radui.records import TransportPlan


def transport_html(plan: TransportPlan, written_with: float) -> str:
    """Return cost, entropy, marginals and convergence; `written_with` is the epsilon of the report itself."""
    found = figures(plan)
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in _pairs(plan, found))
    other = f"<p>The report was written with ε {written_with:g}.</p>" if plan.epsilon != written_with else ""
    return f'<h3>Transport plan</h3><dl class="rd-figures">{cells}</dl>{other}'


def _pairs(plan: TransportPlan, found: TransportFigures) -> list[tuple[str, str]]:
    patches, labels = found.patch_mass, found.label_mass
    state = "converged" if found.converged else "not converged"
    return [
        ("ε", f"{plan.epsilon:.3g}"),
        ("Cost ⟨T, C⟩", f"{found.cost:.4f}"),
        ("Entropy, nats", f"{found.entropy:.3f}"),
        ("Iterations", f"{plan.iterations}, {state}"),
        ("Mass on wrong patches", f"{found.error:.2g}"),
        ("Mass of a patch", f"{patches.min():.4f} to {patches.max():.4f}"),
        ("Mass of an observation", f"{labels.min():.4f} to {labels.max():.4f}"),
    ]
