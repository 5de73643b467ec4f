"""Writes the parts of docs/ that follow from the code: tables of keys, commands, metrics."""

import sys

from scripts.reference.parts import DOCS, gaps_in, render

if __name__ == "__main__":
    gaps = []
    for path in sorted(DOCS.glob("*.md")):
        old = path.read_text("utf-8")
        new = render(old)
        if new != old:
            path.write_text(new, "utf-8")
            sys.stdout.write(f"wrote docs/{path.name}\n")
        gaps += [f"docs/{path.name}: {name} needs a meaning and an example" for name in gaps_in(new)]
    sys.exit("\n".join(gaps) or None)
