"""Scenario scripts: the same steps against sim, unix, an emulator's port and a real pump.

    from titra.scenario import Scenario, play
    from titra.targets import Rig

    scenario = Scenario.of("Half a dose", "program ...", "start", "wait state=complete")
    result = play(scenario, Rig("sim"))

SCENARIOS.md beside the package tells which steps there are.
"""

from titra.scenario.load import Scenario, ScenarioError
from titra.scenario.result import Result, junit
from titra.scenario.runner import Audience, play

__all__ = ["Audience", "Result", "Scenario", "ScenarioError", "junit", "play"]
