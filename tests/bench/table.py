# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as rows: ours, the other's (nmap, or what the row names), the ratio of the two, and
the figure to reach."""

import zone


def _ratio(a, b):
    return round(a / b, 2) if a and b else None


def _row(what, ours, theirs, ratio=None, want=None, least=True):
    """`want` is compared with the ratio, or with our figure where there is no ratio."""
    value = ratio if ratio is not None else ours
    reached = None if want is None or value is None else (value >= want if least else value <= want)
    return {"what": what, "postern": ours, "nmap": theirs, "ratio": ratio, "want": want,
            "at_least": least, "reached": reached}


def _closed(r):
    p, n = r["postern"], r["nmap"]
    n_forms = n["at_rcpt"] + n["at_mail"]
    return [
        _row("closed Postfix: forms judged", p["judged"], n_forms),
        _row("closed Postfix: seconds for all", p["seconds"], n["seconds"], want=1, least=False),
        _row("closed Postfix: forms a second", round(p["judged"] / p["seconds"], 1),
             round(n_forms / n["seconds"], 2),
             _ratio(p["judged"] / p["seconds"], n_forms / n["seconds"]), 10),
        _row("closed Postfix: waits a form", round(p["waits"] / max(1, p["judged"]), 3),
             round(n["waits"] / max(1, n_forms), 2), want=0.5, least=False),
    ]


def _exim(r):
    p, n = r["postern"], r["nmap"]
    return [
        _row("Exim's limits: forms judged of all, percent",
             round(100 * p["judged"] / max(1, p["forms"]), 1),
             round(100 * n["at_rcpt"] / n["forms"], 1), want=100),
        _row("Exim's limits: forms judged", p["judged"], n["at_rcpt"]),
        _row("Exim's limits: of them asked, not inferred", p["asked"], n["at_rcpt"]),
        _row("Exim's limits: seconds for all", p["seconds"], n["seconds"]),
    ]


def _per_minute(what, ours, theirs, want):
    return _row(what, ours["targets_per_minute"], theirs["targets_per_minute"],
                _ratio(ours["targets_per_minute"], theirs["targets_per_minute"]), want)


def _fastest(r):
    return round(r["targets"] * 60 / r["all_seconds"][0], 1)


def _bulk(r):
    fifty, whole, n, plain = r["postern"], r["postern_whole"], r["nmap"], r["nmap_plain"]
    rows = [_per_minute("bulk, nmap tuned: targets a minute", fifty, n, 10),
            _per_minute("bulk, nmap -T5: targets a minute", fifty, plain, 10),
            _row("bulk: targets a minute, fastest run", _fastest(fifty), _fastest(n),
                 _ratio(_fastest(fifty), _fastest(n))),
            _row("bulk: forms a target", fifty["forms_per_target"], n["forms_per_target"],
                 _ratio(fifty["forms_per_target"], n["forms_per_target"]), 3),
            _row("bulk: CPU microseconds a form", fifty["cpu_us_per_form"], n["cpu_us_per_form"],
                 _ratio(fifty["cpu_us_per_form"], n["cpu_us_per_form"]), 0.1, least=False),
            _row("bulk: waits a form", fifty["waits_per_form"], n["waits_per_form"]),
            _row("bulk: percent of a core for the server side", fifty["server_percent"],
                 n["server_percent"]),
            _row("bulk: KiB a session in flight", fifty["kib_per_session"], None, want=32,
                 least=False),
            _per_minute("bulk, whole catalogue: targets a minute", whole, n, None),
            _row("bulk, whole catalogue: forms a target", whole["forms_per_target"],
                 n["forms_per_target"], _ratio(whole["forms_per_target"], n["forms_per_target"])),
            _row("bulk, whole catalogue: CPU microseconds a form", whole["cpu_us_per_form"],
                 n["cpu_us_per_form"], _ratio(whole["cpu_us_per_form"], n["cpu_us_per_form"])),
            _row("bulk, whole catalogue: KiB a session in flight", whole["kib_per_session"], None)]
    return rows


MEMORY = (("tarpitted", 2048), ("active", 6144), ("tls", 16384), ("idle", None), ("tls active", None))


def _gate(r):
    """Here `nmap` is what stands beside the gate, and is named."""
    found = []
    if t := r.get("throughput"):
        for kind, words, want in (("reused", "connections reused", 0.9), ("each", "one each", 0.8)):
            mine = t["gate"][kind]
            found += [_row(f"gate: messages a second, {words} (HAProxy)", mine, t["haproxy"][kind],
                           _ratio(mine, t["haproxy"][kind]), want),
                      _row(f"gate: messages a second, {words} (Postfix proxy_filter)", mine,
                           t["postfix"][kind], _ratio(mine, t["postfix"][kind])),
                      _row(f"gate: messages a second, {words} (nothing between)", mine,
                           t["direct"][kind], _ratio(mine, t["direct"][kind])),
                      _row(f"gate: CPU microseconds a message, {words} (HAProxy)",
                           t["gate"][kind + "_cpu_us"], t["haproxy"][kind + "_cpu_us"],
                           _ratio(t["gate"][kind + "_cpu_us"], t["haproxy"][kind + "_cpu_us"]))]
    if t := r.get("latency_ms"):
        found.append(_row("gate: ms added to a transaction (HAProxy)", round(t["gate"] - t["direct"], 3),
                          round(t["haproxy"] - t["direct"], 3), want=1, least=False))
    if t := r.get("memory"):
        found += [_row(f"gate: octets a session, {kind}", t[kind], None, want=want, least=False)
                  for kind, want in MEMORY]
    if t := r.get("teergrube"):
        found += [_row("gate: clients held in the teergrube", t["held"], None, want=t["clients"]),
                  _row("gate: MiB for them", t["pss_mib"], None, want=256, least=False),
                  _row("gate: messages a second meanwhile", t["mail_during"], None, want=1000)]
    return found


def _dns(r):
    """Here `nmap` is rbldnsd on the same data."""
    found = []
    for kind, words, want, user in (("flood", "flooded", 0.95, 0.5), ("steady", "60,000 a second", 0.95, None),
                                    ("gentle", "20,000 a second", None, None)):
        if q := r.get("queries", {}).get(kind):
            p, o = q["postern"], q["rbldnsd"]
            found += [_row(f"dns: CPU microseconds a query, {words}", p["all"], o["all"], q["ratio"], want,
                           least=False),
                      _row(f"dns: of these in the program itself, {words}", p["user"], o["user"],
                           want=user, least=False)]
    if w := r.get("workers", {}).get("2"):
        found.append(_row("dns: queries a second, two workers (one)", w, r["workers"]["1"],
                          _ratio(w, r["workers"]["1"]), 1.7))
    if q := r.get("replacing"):
        p, o = q["postern"], q["rbldnsd"]
        found += [_row("dns: slowest answer while 5 M entries are replaced, times the slowest idle",
                       _ratio(p["busy_ms"], p["idle_ms"]), _ratio(o["busy_ms"], o["idle_ms"]), want=2,
                       least=False),
                  _row("dns: slowest answer while 5 M entries are replaced, ms", p["busy_ms"], o["busy_ms"]),
                  _row("dns: seconds until the 5 M entries are served", p["visible_s"], o["visible_s"])]
    if q := r.get("own"):
        found.append(_row("dns: ms from restart to the first answer, 10 M", q["restart_ms"], None, want=50,
                          least=False))
    if q := r.get("files"):
        found += [_row("dns: ms from restart to the first answer, 10 M lines of rbldnsd's files", q["restart_ms"], None,
                       want=50, least=False),
                  _row("dns: the same where nothing was kept, s", q["compiled_s"], None),
                  _row("dns: kB in memory then, of no file", q["anonymous_kb"], None)]
    if q := r.get("change"):
        found += [_row("dns: ms from acknowledged to served, the middle of 100", q["middle_ms"], None, want=10,
                       least=False),
                  _row("dns: the same, the slowest", q["slowest_ms"], None)]
    return found


def rows(results):
    found = []
    for part, make in (("closed", _closed), ("exim", _exim), ("bulk", _bulk), ("gate", _gate), ("dns", _dns)):
        if results.get(part):
            found += make(results[part])
    if results.get("list"):
        found += zone.rows(results["list"], _row)
    return found


def _word(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, (int, float)) and value >= 1000 else f"{value:g}"


def show(found):
    cells = [["", "Postern", "other", "ratio", "to reach", ""]]
    for r in found:
        want = "" if r["want"] is None else ("at least " if r["at_least"] else "at most ") \
            + f"{r['want']:g}" + (" x" if r["ratio"] is not None else "")
        state = {True: "reached", False: "MISSED", None: ""}[r["reached"]]
        cells.append([r["what"], _word(r["postern"]), _word(r["nmap"]), _word(r["ratio"]), want, state])
    widths = [max(len(c[i]) for c in cells) for i in range(6)]
    for c in cells:
        line = [c[0].ljust(widths[0])] + [c[i].rjust(widths[i]) for i in (1, 2, 3)] \
            + [c[4].ljust(widths[4]), c[5]]
        print("  ".join(line).rstrip())


def summary(found):
    """The last line: what was reached of what was to be reached."""
    wanted = [r for r in found if r["want"] is not None]
    missed = [r["what"] for r in wanted if not r["reached"]]
    line = f"{len(wanted) - len(missed)} of {len(wanted)} figures reached"
    return line + (": not " + "; not ".join(missed) if missed else "")
