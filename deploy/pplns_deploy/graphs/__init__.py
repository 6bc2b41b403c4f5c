"""The graph of a pipeline for people and for programs: pure functions from a graph to text.

text    lines, a Mermaid flowchart, JSON
layout  where each box and each edge of a drawing goes
svg     the drawing"""

from pplns_deploy.graphs.svg import draw_graph
from pplns_deploy.graphs.text import graph_json, graph_lines, mermaid_lines

__all__ = ["draw_graph", "graph_json", "graph_lines", "mermaid_lines"]
