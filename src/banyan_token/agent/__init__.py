"""The token agent as programs of this machine use it: starting one, speaking to it, answering its PIN window."""

from banyan_token.agent.client import AgentClient, Begun, Container, PluggedToken, ReadBack
from banyan_token.agent.local import LocalAgent, agent_origin, agent_profiles, agent_program
from banyan_token.agent.window import Answers

__all__ = [
    "AgentClient",
    "Answers",
    "Begun",
    "Container",
    "LocalAgent",
    "PluggedToken",
    "ReadBack",
    "agent_origin",
    "agent_profiles",
    "agent_program",
]
