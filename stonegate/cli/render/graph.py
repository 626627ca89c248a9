"""The dependency graph in the languages of Mermaid and Graphviz."""

from __future__ import annotations

from stonegate.model.source import Folder
from stonegate.planner.order.tree import Ordered

_COLOURS = {
    Folder.EXTENSIONS: "#e8e8e8",
    Folder.TYPES: "#fff3c4",
    Folder.TABLES: "#cfe8ff",
    Folder.MIGRATIONS: "#f4d6f0",
    Folder.VIEWS: "#d9f2e6",
    Folder.FUNCTIONS: "#ffe0cc",
    Folder.TRIGGERS: "#ffd6d6",
    Folder.SEEDERS: "#eeeeee",
}


def render_mermaid(ordered: Ordered) -> str:
    """A flowchart; nodes are coloured by the folder that they stand in."""
    lines = ["flowchart LR"]
    for number, node in enumerate(ordered.nodes):
        lines.append(f'    n{number}["{_mermaid_text(node.label)}"]:::{node.folder.value}')
    lines += [f"    n{needed} --> n{dependent}" for needed, dependent in ordered.edges]
    for folder in _present(ordered):
        lines.append(f"    classDef {folder.value} fill:{_COLOURS[folder]},stroke:#666,color:#111")
    return "\n".join(lines)


def render_dot(ordered: Ordered) -> str:
    """A digraph with the place of each object as tooltip."""
    lines = ["digraph stonegate {", "    rankdir=LR;", '    node [shape=box, style="filled,rounded", fontname="sans"];']
    for number, node in enumerate(ordered.nodes):
        label, place = _dot_text(node.label), _dot_text(f"{node.file}:{node.line}")
        lines.append(f"    n{number} [label={label}, tooltip={place}, fillcolor={_dot_text(_COLOURS[node.folder])}];")
    lines += [f"    n{needed} -> n{dependent};" for needed, dependent in ordered.edges]
    return "\n".join([*lines, "}"])


def _present(ordered: Ordered) -> list[Folder]:
    found = {node.folder for node in ordered.nodes}
    return [folder for folder in Folder if folder in found]


def _mermaid_text(text: str) -> str:
    """Mermaid has no escape but entities."""
    return _flat(text).replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _dot_text(text: str) -> str:
    return '"' + _flat(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _flat(text: str) -> str:
    return " ".join(text.split())
