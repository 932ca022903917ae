"""What published models of ketamine say about a plan: a preview on the host, never dosing.

Nothing here talks to a pump, and nothing of the firmware reads it. ``models`` and ``routes`` are
data with their sources, ``course`` solves a model exactly, ``outlook`` puts the models side by
side, and ``terminal``, ``figure`` and ``page`` show them. numpy is imported by ``course`` only.
"""

NO_ADVICE = (
    "No clinical advice: published figures, for engineers; never a reason to choose a dose."
)
KETAMINE_ONLY = "The models are of ketamine only, given intravenously."
