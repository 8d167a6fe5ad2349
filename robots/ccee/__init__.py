"""The robot of CCEE's Portal de Operações."""

from robots.ccee.robot import CceeRobot

__all__ = ["CceeRobot"]
