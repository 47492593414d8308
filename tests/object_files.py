"""Readers of compiled objects, written from the engines' documents and sharing nothing with the compiler.

Nagios: one directive a line, a value ends at an unescaped semicolon, a backslash at the end of a line joins the next.
Icinga 2: `head { ... }` with nested braces; strings between double quotes, escaped by a backslash.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

Block = dict[str, str]
# Kind of object -> what other objects call it by.
_NAMED = {
    "command": "command_name",
    "contact": "contact_name",
    "contactgroup": "contactgroup_name",
    "host": "host_name",
    "servicegroup": "servicegroup_name",
    "timeperiod": "timeperiod_name",
}
_REFERENCES = {
    "check_command": "command",
    "service_notification_commands": "command",
    "host_notification_commands": "command",
    "contacts": "contact",
    "servicegroups": "servicegroup",
    "servicegroup_name": "servicegroup",
    "host_name": "host",
    "dependent_host_name": "host",
    "check_period": "timeperiod",
    "notification_period": "timeperiod",
    "service_notification_period": "timeperiod",
    "host_notification_period": "timeperiod",
    "escalation_period": "timeperiod",
    "exclude": "timeperiod",
}


def nagios_blocks(text: str) -> list[tuple[str, Block]]:
    """(kind, directives) of every definition of a file."""
    found: list[tuple[str, Block]] = []
    inside = False
    for line in re.sub(r"\\\n", "", text).split("\n"):
        line = line.strip()
        if not line or line.startswith(("#", ";")):
            continue
        line = re.split(r"(?<!\\);", line)[0].rstrip().replace("\\;", ";")
        if not inside:
            head = re.fullmatch(r"define ([a-z]+) \{", line)
            assert head, f"not a definition: {line!r}"
            found.append((head[1], {}))
            inside = True
        elif line == "}":
            inside = False
        else:
            name, _, value = line.partition(" ")
            assert name not in found[-1][1], f"{name} stands twice in one definition"
            found[-1][1][name] = value.strip()
    assert not inside, "the last definition has no end"
    return found


def nagios_objects(files: Mapping[str, str]) -> dict[str, list[Block]]:
    """{kind: directives of each} of some files, templates under "template"."""
    found: dict[str, list[Block]] = defaultdict(list)
    for name, text in files.items():
        if name.endswith(".cfg"):
            for kind, block in nagios_blocks(text):
                found["template" if block.get("register") == "0" else kind].append(block | {"": kind})
    return dict(found)


def nagios_dangling(objects: Mapping[str, Iterable[Block]]) -> list[str]:
    """Every name that is used and nowhere defined, with who uses it; templates and services are looked up as well."""
    names = {kind: {block[key] for block in objects.get(kind, ())} for kind, key in _NAMED.items()}
    templates = {(block[""], block["name"]) for block in objects.get("template", ())}
    services = {(block["host_name"], block["service_description"]) for block in objects.get("service", ())}
    wrong = []
    for blocks in objects.values():
        for block in blocks:
            kind = block[""]
            used = [(templates, (kind, word)) for word in block.get("use", "").split(",") if word]
            for directive, target in _REFERENCES.items():
                own = directive == _NAMED.get(kind)
                for word in () if own else block.get(directive, "").split(","):
                    if word:
                        used.append((names[target], word.partition("!")[0]))
            if kind == "servicedependency":
                used += [
                    (services, (block[f"{whose}host_name"], block[f"{whose}service_description"]))
                    for whose in ("", "dependent_")
                ]
            wrong += [f"{kind}: {word}" for known, word in used if word not in known]
    return wrong


_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\\n]|\\.)*"|[{}\[\]]|[^\s{}\[\]"]+')
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}


def icinga_string(literal: str) -> str:
    """What a string literal means."""
    assert literal[0] == literal[-1] == '"'
    return re.sub(
        r"\\([0-7]{1,3}|.)",
        lambda found: chr(int(found[1], 8)) if found[1].isdigit() else _UNESCAPED[found[1]],
        literal[1:-1],
    )


def icinga_blocks(text: str) -> dict[str, list[str]]:
    """{head: tokens inside} of every block at the top of a file. Fails for braces that do not fit together."""
    found: dict[str, list[str]] = {}
    head: list[str] = []
    open_: list[str] = []
    inner: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token.startswith("//"):
            continue
        if token in "{[":
            open_.append(token)
            if len(open_) == 1 and token == "{":
                continue
        elif token in "}]":
            assert open_ and open_.pop() == {"}": "{", "]": "["}[token], f"{token} closes nothing"
            if not open_ and token == "}":
                assert " ".join(head) not in found, f"{' '.join(head)} stands twice"
                found[" ".join(head)], head, inner = inner, [], []
                continue
        if open_:
            inner.append(token)
        else:
            head.append(token)
    assert not open_, "a block has no end"
    return found
