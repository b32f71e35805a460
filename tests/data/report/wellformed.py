#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the renderers write as strictly as its real readers would: XML, pages, Prometheus, Nagios.

The unit test compares the renderers' output with the .want files beside this script; this script says
that the .want files themselves are right. It knows the formats, not the code.
"""

import glob
import json
import os
import re
import sys
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
LOADS = {"src", "srcset", "data", "poster", "background", "action", "formaction", "manifest", "ping"}
ELEMENTS = set("""a b body br code dd details div dl dt figure footer h1 h2 h3 head header html i li
    main meta p pre section span strong style summary table tbody td th thead title tr ul""".split())
DRAWN = set("svg title style g rect path text".split())

checks = 0


def check(truth, where, what):
    global checks
    checks += 1
    if not truth:
        sys.exit(f"{where}: {what}")


def no_loads(root, where):
    """Nothing that a browser would fetch or run, in elements, attributes or styles."""
    for e in root.iter():
        name = re.sub(r"^\{.*\}", "", e.tag)
        check(name in (ELEMENTS | DRAWN), where, f"element <{name}>")
        for key, value in e.attrib.items():
            key = re.sub(r"^\{.*\}", "", key)
            check(key not in LOADS and not key.startswith("on"), where, f"attribute {key}")
            if key == "href":
                check(re.fullmatch(r"#t\d+", value), where, f"href {value}")
            if key == "style":
                check(re.fullmatch(r"flex:\d+", value), where, f"style {value}")
        if name == "style":
            check(not re.search(r"url\(|@import|expression|</", e.text), where, "style loads")


def page(path, text):
    check(text.startswith("<!DOCTYPE html>\n"), path, "no doctype")
    root = xml.fromstring(text)
    check(root.tag == XHTML + "html", path, "root")
    no_loads(root, path)
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    check(len(ids) == len(set(ids)), path, "an id twice")
    for a in root.iter(XHTML + "a"):
        check(a.get("href")[1:] in ids, path, f"link to nowhere: {a.get('href')}")
    policy = [m.get("content") for m in root.iter(XHTML + "meta")
              if m.get("http-equiv") == "Content-Security-Policy"]
    check(policy and policy[0].startswith("default-src 'none'"), path, "no policy")
    for row in root.iter(XHTML + "table"):
        widths = {len(tr) for tr in row.iter(XHTML + "tr")}
        check(len(widths) == 1, path, f"rows of {widths} cells")


def drawing(path, text):
    root = xml.fromstring(text)
    check(root.tag == SVG + "svg", path, "root")
    no_loads(root, path)
    width, height = float(root.get("width")), float(root.get("height"))
    check(root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}", path, "viewBox")
    boxes = [tuple(float(r.get(k)) for k in ("x", "y", "width", "height"))
             for r in root.iter(SVG + "rect")]
    check(len(boxes) >= 3, path, "tester, target and sink")
    for i, (x, y, w, h) in enumerate(boxes):
        check(x >= 0 and y >= 0 and x + w <= width and y + h <= height, path, f"box {i} sticks out")
        for x2, y2, w2, h2 in boxes[:i]:
            check(x >= x2 + w2 or y >= y2 + h2, path, f"box {i} lies on another")


def junit(path, text):
    root = xml.fromstring(text)
    check(root.tag == "testsuites", path, "root")
    for suite in root:
        cases = suite.findall("testcase")
        counted = {"tests": len(cases)}
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            counted[key] = len(suite.findall(f"testcase/{tag}"))
        for key, n in counted.items():
            check(int(suite.get(key)) == n, path, f"{suite.get('name')}: {key}")
        for case in cases:
            check(case.get("name") is not None and case.get("classname"), path, "case without name")
            check(len(case) <= 1, path, "case with two outcomes")


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def prometheus(path, text):
    check(text.endswith("\n"), path, "no line end at the end")
    helped, typed, seen, current = set(), set(), set(), None
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            known = helped if what == "HELP" else typed
            check(what in ("HELP", "TYPE") and name not in known, path, line)
            check(what == "HELP" or rest in ("gauge", "counter"), path, line)
            known.add(name)
            current = name
            continue
        m = SAMPLE.fullmatch(line)
        check(m, path, f"no sample: {line}")
        name, labels, value = m.groups()
        check(name == current and name in helped and name in typed, path, f"out of place: {line}")
        at, names = 0, []
        while labels and at < len(labels):
            label = LABEL.match(labels, at)
            check(label, path, f"label: {labels[at:]}")
            names.append(label.group(1))
            at = label.end()
        check(len(names) == len(set(names)), path, f"a label twice: {line}")
        check((name, labels) not in seen, path, f"a series twice: {line}")
        seen.add((name, labels))
        float(value)


def nagios(path, text):
    lines = text.splitlines()
    check(len(lines) == 2, path, "more than one line")
    m = re.fullmatch(r"RELAY (OK|WARNING|CRITICAL|UNKNOWN) - ([^|]*) \| ([^|]*)", lines[0])
    check(m, path, "shape")
    check(lines[1] == f"exit {['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'].index(m.group(1))}", path,
          "word and exit status differ")
    for datum in m.group(3).split(" "):
        check(re.fullmatch(r"[a-z]+=\d+(\.\d+)?s?;\d*;\d*;\d*", datum), path, f"datum {datum}")


def lines(path, text):
    for line in text.splitlines():
        check(json.loads(line)["type"] == "verdict", path, "type")


FORMATS = {".html.want": page, ".svg.want": drawing, ".junit.xml.want": junit,
           ".prom.want": prometheus, ".nagios.want": nagios, ".lines.want": lines}


def main():
    for ending, read in FORMATS.items():
        files = sorted(glob.glob(os.path.join(HERE, "*" + ending)))
        check(files, HERE, f"no *{ending}")
        for path in files:
            with open(path, encoding="ascii") as f:
                read(os.path.basename(path), f.read())
    print(f"{checks} checks")


main()
