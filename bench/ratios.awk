# Raw figures (pinning, shape, figure, side, pair, value; tab-separated) to a table of medians and ratios, or with -v svg=1 to a picture of the ratios.
# A ratio is Troupe's by Kafka's of one pair; what is shown is its median, least and greatest, and nothing when all of Kafka's figures are 0. Variables: a (name of side A), title.
BEGIN { FS = "\t" }
function sorted(list, n, i, j, t) {
  for (i = 2; i <= n; i++) { t = list[i]; for (j = i - 1; j > 0 && list[j] > t; j--) list[j + 1] = list[j]; list[j + 1] = t }
}
function median(list, n) { return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2 }
function escaped(s) { gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); return s }
# Rates are better when greater, all else when less.
function better(figure, ratio) { return figure == "MB/s" ? ratio >= 1 : ratio <= 1 }
function y0(r) { return 66 + 18 * (r - 1) }
function x(ratio) { ratio = ratio < 0.125 ? 0.125 : ratio > 4 ? 4 : ratio; return 420 + 300 * (log(ratio) / log(2) + 3) / 5 }
{
  k = $1 FS $2 FS $3
  if (!(k in known)) { known[k] = ++rows; row[rows] = k }
  v[k, $4, $5] = $6 + 0
  if ($5 > most[k]) most[k] = $5
}
END {
  if (svg) {
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"860\" height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n", 80 + 18 * rows
    printf "<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/><text x=\"10\" y=\"22\" font-size=\"15\">%s</text>\n", escaped(title)
    print "<text x=\"10\" y=\"42\" fill=\"#555555\">Ratio to Kafka (log scale): dot = median, bar = least to greatest of the pairs; green = better than Kafka</text>"
    for (t = 0.125; t <= 4; t *= 2) {
      printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"52\" y2=\"%d\" stroke=\"%s\"/>", x(t), x(t), 62 + 18 * rows, t == 1 ? "#333333" : "#dddddd"
      printf "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x(t), 76 + 18 * rows, t
    }
  } else printf "%-6s %-38s %-18s %5s %10s %10s   %-6s %s\n", "cores", "shape", "figure", "pairs", a, "Kafka", "ratio", "(least - greatest)"
  for (r = 1; r <= rows; r++) {
    k = row[r]; n = 0; qs = 0; split(k, name, FS)
    for (p = 1; p <= most[k]; p++) if ((k, "A", p) in v && (k, "B", p) in v) {
      n++; mine[n] = v[k, "A", p]; theirs[n] = v[k, "B", p]
      if (theirs[n] > 0) q[++qs] = mine[n] / theirs[n]
    }
    if (!n) continue
    sorted(mine, n); sorted(theirs, n); sorted(q, qs)
    m = qs ? median(q, qs) : 0
    if (svg && !qs) {
      printf "<text x=\"10\" y=\"%d\">%s</text><text x=\"420\" y=\"%d\">%g and %g</text>\n", y0(r) + 4, escaped(name[1] " | " name[2] " | " name[3]), y0(r) + 4, median(mine, n), median(theirs, n)
    } else if (svg) {
      y = y0(r); colour = better(name[3], m) ? "#1a7f37" : "#c62828"
      printf "<text x=\"10\" y=\"%d\">%s</text>", y + 4, escaped(name[1] " | " name[2] " | " name[3])
      printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"%s\" stroke-width=\"3\" opacity=\"0.4\"/>", x(q[1]), x(q[qs]), y, y, colour
      printf "<circle cx=\"%.1f\" cy=\"%d\" r=\"4\" fill=\"%s\"/><text x=\"790\" y=\"%d\" fill=\"%s\">%.2f</text>\n", x(m), y, colour, y + 4, colour, m
    } else {
      printf "%-6s %-38s %-18s %5d %10.2f %10.2f", name[1], name[2], name[3], n, median(mine, n), median(theirs, n)
      if (qs) printf "   %-6.2f (%.2f - %.2f)", m, q[1], q[qs]
      print ""
    }
  }
  if (svg) print "</svg>"
}
