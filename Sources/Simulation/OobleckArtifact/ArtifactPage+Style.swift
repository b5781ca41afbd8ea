extension ArtifactPage {
    /// How the page looks.
    static let style = """
        :root { --ink: #16202c; --quiet: #5b6775; --line: #d9dfe6; --soft: #f5f7f9;
        --good: #14724a; --good-soft: #e5f4ec; --bad: #b3261e; --bad-soft: #fbe9e7; }
        * { box-sizing: border-box; }
        body { font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
        max-width: 1200px; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; background: #fff; }
        h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .6rem; letter-spacing: -.01em; }
        h2 { font-size: 1.5rem; margin: 0 0 1rem; display: flex; align-items: center; gap: .7rem;
        flex-wrap: wrap; }
        h2 small { font-size: .95rem; font-weight: normal; color: var(--quiet); }
        h3 { font-size: 1.12rem; margin: 2.2rem 0 .6rem; }
        p { max-width: 80ch; margin: .7rem 0; }
        a { color: #1f4e8c; }
        section { border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 2rem; }
        .count { display: inline-grid; place-items: center; width: 2.1rem; height: 2.1rem;
        border-radius: 50%; background: #12355b; color: #fff; font-size: 1.05rem; }
        .badge { font-size: .8rem; font-weight: 700; letter-spacing: .04em; padding: .15rem .6rem;
        border-radius: 1rem; white-space: nowrap; }
        .good.badge, .good.verdict, .good.ending { color: var(--good); background: var(--good-soft); }
        .bad.badge, .bad.verdict, .bad.ending { color: var(--bad); background: var(--bad-soft); }
        .verdict { font-size: 1.15rem; font-weight: 700; padding: .7rem 1rem; border-radius: .5rem;
        max-width: none; }
        .ending { font-weight: 700; padding: .5rem 1rem; border-radius: .5rem; max-width: none; }
        table { border-collapse: collapse; font-size: .9rem; margin: .8rem 0; }
        th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left;
        vertical-align: top; }
        th { font-weight: 600; color: var(--quiet); border-bottom: 2px solid var(--line); }
        .plain th { border-bottom-width: 1px; white-space: nowrap; }
        .plain td { overflow-wrap: anywhere; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .summary { width: 100%; font-size: 1rem; }
        .wide { overflow-x: auto; }
        pre { background: var(--soft); border: 1px solid var(--line); border-radius: .5rem;
        padding: .8rem 1rem; white-space: pre-wrap; font: 13px/1.6 "DejaVu Sans Mono", ui-monospace, monospace; }
        pre span { display: inline-block; width: 100%; padding-left: 4ch; text-indent: -4ch; }
        code { background: var(--soft); border-radius: .25rem; padding: .05rem .3rem; font-size: .92em; }
        figure { margin: 1rem 0; }
        figure svg { display: block; width: 100%; height: auto; border: 1px solid var(--line);
        border-radius: .5rem; }
        figcaption { color: var(--quiet); font-size: .9rem; margin-top: .35rem; }
        details { margin: .8rem 0; }
        summary { cursor: pointer; color: #1f4e8c; }
        .checks { list-style: none; padding: 0; margin: 1rem 0; }
        .checks li { position: relative; padding: .3rem 0 .3rem 2rem; border-bottom: 1px solid var(--line); }
        .checks li::before { position: absolute; left: .3rem; font-weight: 700; }
        .checks li.good::before { content: "\\2713"; color: var(--good); }
        .checks li.bad::before { content: "\\2717"; color: var(--bad); }
        .checks em { font-style: normal; color: var(--quiet); margin-left: .4rem; }
        .checks li.bad em { color: var(--bad); }
        footer { border-top: 1px solid var(--line); margin-top: 3rem; padding-top: 1.5rem; font-size: .9rem; }
        footer h2 { font-size: 1.15rem; }
        @media print { details > * { display: block; } }
        """
}
