#!/usr/bin/env python3
"""Draws the tables of BENCHMARKS.md as bars, in one SVG on standard output.

    benches/chart.py BENCHMARKS.md > benchmarks.svg

A table is drawn if its first column is "Program". Each further column is a chart of its own, under the nearest heading,
with a scale of its own: the title of the column names the unit. Cells that are not numbers are left out."""
import html
import sys

BAR, GAP, LEFT, WIDTH = 14, 4, 190, 760


def tables(text):
    """The heading, the titles of the columns and the rows of each table."""
    heading, rows = '', []
    for line in text.splitlines() + ['']:
        if line.startswith('#'):
            heading = line.lstrip('# ')
        if line.startswith('|'):
            rows.append([cell.strip(' *`') for cell in line.strip().strip('|').split('|')])
        elif rows:
            if rows[0][0] == 'Program':
                yield heading, rows[0], rows[2:]
            rows = []


def number(cell):
    try:
        return float(cell.split(' ')[0].replace(',', ''))
    except ValueError:
        return None


def charts(text):
    """A title, and the names and values of its bars."""
    for heading, titles, rows in tables(text):
        for column, title in enumerate(titles[1:], 1):
            bars = [(row[0], number(row[column]), row[column]) for row in rows]
            bars = [bar for bar in bars if bar[1] is not None]
            if bars:
                yield f'{heading}: {title}', bars


def main():
    with open(sys.argv[1], encoding='utf-8') as file:
        found = list(charts(file.read()))
    lines, y = [], 10
    for title, bars in found:
        y += 24
        lines.append(f'<text x="10" y="{y}" font-weight="bold">{html.escape(title)}</text>')
        most = max(value for _, value, _ in bars) or 1
        for name, value, cell in bars:
            y += BAR + GAP
            length = max(1, value / most * (WIDTH - LEFT - 120))
            color = '#b5542b' if name.startswith('dropfeed') else '#8a94a3'
            lines.append(f'<text x="{LEFT - 8}" y="{y}" text-anchor="end">{html.escape(name)}</text>')
            lines.append(f'<rect x="{LEFT}" y="{y - BAR + 3}" width="{length:.1f}" height="{BAR}" fill="{color}"/>')
            lines.append(f'<text x="{LEFT + length + 6:.1f}" y="{y}">{html.escape(cell)}</text>')
        y += 12
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y + 10}" font-family="sans-serif" '
          'font-size="12">')
    print('<rect width="100%" height="100%" fill="white"/>')
    print('\n'.join(lines))
    print('</svg>')


if __name__ == '__main__':
    main()
