/// How the page looks.
extension RunPage {
    /// Patterns that pictures refer to.
    static let patterns = """
        <svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>
        <pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" \
        patternTransform="rotate(45)"><rect width="6" height="6" fill="var(--paper)"/>\
        <line x1="0" y1="0" x2="0" y2="6" stroke="var(--bad)" stroke-width="3"/></pattern>
        </defs></svg>
        """

    private static let light = """
        --ink: #16202c; --quiet: #566270; --line: #dde3e9; --soft: #f4f6f8; --paper: #ffffff;
        --good: #14724a; --good-soft: #e5f4ec; --bad: #b3261e; --bad-soft: #fbe9e7; --link: #1f4e8c;
        --c0: #1f5fa8; --c1: #b4540a;
        --p0: #b9d3f0; --p1: #f7d9a3; --p2: #c2e2bb; --p3: #e2c8ea; --p4: #f5c6c1; --p5: #c9e6e9;
        """
    private static let dark = """
        --ink: #e6ebf1; --quiet: #9fabb8; --line: #313c48; --soft: #1b232c; --paper: #11171e;
        --good: #6fd3a4; --good-soft: #14312a; --bad: #ff8f85; --bad-soft: #3a1c1a; --link: #8fbcf4;
        --c0: #74b0f0; --c1: #f0a35a;
        --p0: #2c5582; --p1: #7c5a1c; --p2: #356130; --p3: #644872; --p4: #7d3d37; --p5: #28616a;
        """

    /// The style sheet.
    static let style = """
        :root { \(light) }
        @media (prefers-color-scheme: dark) { :root { \(dark) } }
        @media print { :root { \(light) } }
        * { box-sizing: border-box; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
        body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
        background: var(--paper); max-width: 1048px; margin: 0 auto; padding: 2rem 1.5rem 3rem; }
        h1 { font-size: 2rem; line-height: 1.15; margin: 0 0 .6rem; overflow-wrap: anywhere; }
        h2 { font-size: 1.35rem; margin: 0 0 .8rem; }
        h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
        p { margin: .5rem 0; max-width: 80ch; }
        a { color: var(--link); }
        .kind { color: var(--quiet); margin: 0; font-size: .9rem; }
        .lead { font-size: 1.1rem; font-weight: 600; padding: .6rem .9rem; border-radius: .5rem;
        max-width: none; }
        .good { color: var(--good); } .bad { color: var(--bad); } .quiet { color: var(--quiet); }
        .lead.good { background: var(--good-soft); } .lead.bad { background: var(--bad-soft); }
        nav { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .95rem; }
        section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1.5rem; }
        dl, dd { margin: 0; }
        .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); gap: .6rem;
        margin: 1.1rem 0; }
        .tiles div { border: 1px solid var(--line); border-radius: .5rem; padding: .55rem .8rem; }
        .tiles dt { color: var(--quiet); font-size: .85rem; }
        .tiles dd { font-size: 1.4rem; font-weight: 650; line-height: 1.25; }
        .tiles small { display: block; font-size: .8rem; font-weight: normal; color: var(--quiet); }
        figure { margin: .8rem 0; }
        figure svg { display: block; width: 100%; height: auto; overflow: visible; }
        figcaption { color: var(--quiet); font-size: .9rem; }
        .narrow { display: none; }
        .legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; font-size: .88rem;
        color: var(--quiet); max-width: none; }
        .swatch { display: inline-block; min-width: 1.5em; height: 1.2em; line-height: 1.2em;
        border: 1px solid var(--quiet); text-align: center; font-style: normal; font-size: .85em;
        vertical-align: -.15em; color: var(--ink); }
        .p0 { background: var(--p0); } .p1 { background: var(--p1); } .p2 { background: var(--p2); }
        .p3 { background: var(--p3); } .p4 { background: var(--p4); } .p5 { background: var(--p5); }
        .hatch { background: repeating-linear-gradient(45deg, var(--bad) 0 2px, var(--paper) 2px 5px); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; font-size: .88rem; margin: .6rem 0; }
        th, td { padding: .3rem 1.3rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left;
        vertical-align: top; }
        th { color: var(--quiet); font-weight: 600; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .bar { display: grid; grid-template-columns: minmax(0, 23rem) 1fr 9.5rem; gap: .2rem .9rem;
        align-items: center; padding: .22rem 0; font-size: .92rem; }
        .bar .what { color: var(--quiet); } .bar .what b { color: var(--ink); }
        .bar .value { font-variant-numeric: tabular-nums; text-align: right; }
        .track { display: flex; background: var(--soft); height: 1.05rem; border-radius: .2rem;
        overflow: hidden; }
        .track i { display: block; height: 100%; flex: none; }
        .useful { background: var(--c0); } .other { background: var(--quiet); }
        .detect { background: var(--c1); } .decide { background: var(--ink); }
        .rebuild { background: repeating-linear-gradient(45deg, var(--c0) 0 3px, var(--p0) 3px 6px); }
        .transfer { background: var(--c0); }
        .rest { background: repeating-linear-gradient(90deg, var(--quiet) 0 1px, var(--soft) 1px 5px); }
        .recoveries { padding-left: 1.4rem; } .recoveries li { margin: .9rem 0; }
        .recoveries .quiet { font-size: .88rem; max-width: none; }
        .facts div { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: .9rem;
        padding: .28rem 0; border-bottom: 1px solid var(--line); font-size: .92rem; }
        .facts dt { color: var(--quiet); } .facts dd { overflow-wrap: anywhere; }
        .pipeline { display: grid; grid-template-columns: 9rem minmax(0, 1fr); gap: .9rem;
        align-items: center; }
        .pipeline p { margin: 0; font-size: .92rem; }
        .boxes { display: flex; gap: 2px; margin: 2px 0; min-width: 0; }
        .box { flex-basis: 0; min-width: 0; padding: .35rem .5rem; font-size: .85rem; border-radius: .2rem;
        overflow-wrap: anywhere; }
        .box b { display: block; }
        pre { background: var(--soft); padding: .8rem 1rem; border-radius: .5rem; overflow-x: auto;
        font: 13px/1.5 "DejaVu Sans Mono", ui-monospace, monospace; }
        code { background: var(--soft); padding: .05rem .3rem; border-radius: .2rem; font-size: .9em; }
        summary { cursor: pointer; color: var(--link); }
        footer { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem;
        color: var(--quiet); font-size: .88rem; }
        @media (max-width: 640px) {
        body { padding: 1.2rem .8rem 2rem; } h1 { font-size: 1.5rem; }
        .wide { display: none; } .narrow { display: block; }
        .tiles { grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); }
        .bar { grid-template-columns: 1fr auto; } .bar .track { grid-row: 2; grid-column: 1 / 3; }
        .facts div, .pipeline { grid-template-columns: 1fr; gap: .1rem; }
        }
        @media print {
        body { max-width: none; padding: 0; font-size: 12px; } nav { display: none; }
        section { break-inside: auto; } figure, .bar, li, tr, .pipeline { break-inside: avoid; }
        .wide { display: block; } .narrow { display: none; }
        }
        """
}
