/* Boards, drawn; and the parts of the report. */
#ifndef PICTURES_H
#define PICTURES_H
#include "matches.h"

enum { MARKS = 10, GAMES = 10 };

/* What is drawn on a board beside its stones: where the search looks (share), whose each point will
   be (owner, of black), which move was the last (-1: none) */
typedef struct overlay {
    const float *share, *owner;
    int last;
} overlay;

static inline void draw_lines(FILE *page, int edge)
{
    bool go_board = edge == EDGE; /* lines through the points, or between them */
    int from = go_board ? 5 : 0, to = 10 * edge - from, n = go_board ? edge : edge - 1;
    for (int i = 0; i < n; i++) {
        int at = go_board ? 5 + 10 * i : 10 + 10 * i;
        fprintf(page, "M%d,%dH%dM%d,%dV%d", from, at, to, at, from, to);
    }
}

static inline void draw_stone(FILE *page, int edge, int x, int y, bool white)
{
    if (edge == EDGE)
        fprintf(page, "<circle cx=\"%d\" cy=\"%d\" r=\"4.5\" fill=\"%s\" stroke=\"#222\" "
                "stroke-width=\".3\"/>", x, y, white ? "#fdfdfa" : "#1a1a1e");
    else if (white)
        fprintf(page, "<circle cx=\"%d\" cy=\"%d\" r=\"3\" fill=\"none\" stroke=\"#c4500f\"/>", x,
                y);
    else
        fprintf(page, "<path d=\"M%d,%dl6,6m0,-6l-6,6\" stroke=\"#2464b8\"/>", x - 3, y - 3);
}

static inline void draw_share(FILE *page, int x, int y, double share)
{
    if (share < 0.005)
        return;
    fprintf(page, "<rect x=\"%d\" y=\"%d\" width=\"10\" height=\"10\" fill=\"#c4200f\" "
            "fill-opacity=\"%.2f\"/>", x - 5, y - 5, 0.9 * pow(share, 0.75));
    fprintf(page, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"middle\" style=\"font-size:3.4px;"
            "fill:%s;font-weight:600\">%.0f</text>", x, y + 1.2, share > 0.15 ? "#fff" : "#4a2e10",
            100 * share);
}

/* one figure */
static inline void draw_board(FILE *page, const game *g, const position *p, overlay o,
                              const char *class, const char *caption)
{
    if (!page)
        return;
    fprintf(page, "<figure class=\"card%s\"><svg viewBox=\"0 0 %d %d\" fill=\"none\"><rect "
            "width=\"%d\" height=\"%d\" rx=\"1.5\" fill=\"#e2bd77\"/><path d=\"", class,
            10 * g->edge, 10 * g->edge, 10 * g->edge, 10 * g->edge);
    draw_lines(page, g->edge);
    fputs("\" stroke=\"#6b4e1e\" stroke-width=\".3\"/>", page);
    for (int i = 0; i < g->points; i++) {
        int x = 5 + 10 * (i % g->edge), y = 5 + 10 * (i / g->edge), black = p->stones[0] >> i & 1;
        bool stone = (p->stones[0] | p->stones[1]) & point(i);
        if (o.share)
            draw_share(page, x, y, (double)o.share[i]);
        if (stone)
            draw_stone(page, g->edge, x, y, !black);
        if (o.owner)
            fprintf(page, "<rect x=\"%.1f\" y=\"%.1f\" width=\"3\" height=\"3\" fill=\"%s\" "
                    "fill-opacity=\"%.2f\"/>", x - 1.5, y - 1.5, o.owner[i] > 0 ? "#1a1a1e"
                    : "#fdfdfa", fabs((double)o.owner[i]));
        if (i == o.last)
            fprintf(page, "<circle cx=\"%d\" cy=\"%d\" r=\"2.9\" stroke=\"#e0402a\" "
                    "stroke-width=\".9\"/>", x, y);
    }
    fputs("</svg><figcaption>", page);
    escape(page, caption);
    fputs("</figcaption></figure>\n", page);
}

/* -- How it learned */
typedef struct course {
    int n;
    double games[MARKS], lost[MARKS], won[MARKS], alone[MARKS], loss[MARKS];
    double score[MARKS], expected[MARKS], middle[MARKS];
    float opening[MARKS][MOVES];
} course;

typedef struct results {
    course three, go;
    proof proof;
    match own, matches[GAMES];
    int played;                 /* of matches */
} results;

static inline void report_three(program *p, player *a, const results *r)
{
    const course *c = &r->three;
    const proof *f = &r->proof;
    static const char *const openings[] = { "the empty board", "after a corner",
                                            "after the middle", "after a side" };
    static const int first[] = { -1, 0, 4, 1 };
    float share[MOVES];
    double x[SIGHTS], y[2][SIGHTS];
    for (int i = 0; i < SIGHTS; i++)
        x[i] = f->looks[i], y[0][i] = f->lost[0][i], y[1][i] = f->lost[1][i];
    report_chart(p, &(chart){ "Positions lost needlessly, as it learned", .x_name = "games against "
        "itself", .last = true, .series = {
        { "the network alone", c->games, c->lost, c->n, LINE_AND_DOTS, 0 } } });
    report_chart(p, &(chart){ "And by how long it looks", .x_name = "looks of the search", .x_log =
        10, .last = true, .series = { { "with the network", x, y[0], SIGHTS, LINE_AND_DOTS, BLUE },
        { "without: the search alone", x, y[1], SIGHTS, LINE_AND_DOTS, ORANGE } } });
    report_row(p, "looks of the search|lost needlessly, with the network|without: search alone");
    for (int i = 0; i < SIGHTS; i++)
        report_row(p, "%d|%d|%d", f->looks[i], f->lost[0][i], f->lost[1][i]);
    report_text(p, "A move that keeps a draw but lets a win go: after %d looks, %d times.",
                f->looks[SIGHTS - 1], f->worse - f->lost[0][SIGHTS - 1]);
    FILE *page = report_html(p, "smalls");
    for (int i = 0; page && i < 4; i++) {
        position q = { 0 };
        if (first[i] >= 0)
            three_play(&q, first[i]);
        look_at(a, &q, 200, share);
        draw_board(page, &three, &q, (overlay){ share, NULL, -1 }, "",
                   program_words(p, "Where it looks, %%: %s", openings[i]));
    }
}

static inline void report_openings(program *p, const course *c)
{
    static const position empty = { 0 };
    FILE *page = report_html(p, "smalls");
    for (int i = 0; page && i < c->n; i++)
        draw_board(page, &go, &empty, (overlay){ c->opening[i], NULL, -1 }, "",
                   program_words(p, "after %.0f games", c->games[i]));
}

static inline void report_course(program *p, const course *c)
{
    static double perfect[MARKS];
    for (int i = 0; i < c->n; i++)
        perfect[i] = POINTS;
    report_chart(p, &(chart){ "Points by which black wins", .x_name = "games against itself",
        .caption = "Perfect play wins all 25 (van der Werf 2003).", .series = {
        { "as it expects, on the empty board", c->games, c->expected, c->n, LINE_AND_DOTS, BLUE },
        { "in its games", c->games, c->score, c->n, DASHED, ORANGE },
        { "perfect play", c->games, perfect, c->n, THIN, GRAY } } });
    report_chart(p, &(chart){ "Won against random play", .x_name = "games against itself",
        .unit = " %", .y_low = 0, .y_high = 100, .series = {
        { "with its search", c->games, c->won, c->n, LINE_AND_DOTS, BLUE },
        { "the network alone", c->games, c->alone, c->n, DASHED, ORANGE } } });
    report_chart(p, &(chart){ "Looks at the middle before the first move",
        .x_name = "games against itself", .unit = " %", .y_low = 0, .y_high = 100,
        .series = { { NULL, c->games, c->middle, c->n, LINE_AND_DOTS, BLUE } } });
    report_chart(p, &(chart){ "The loss", .x_name = "games against itself", .last = true,
        .series = { { NULL, c->games, c->loss, c->n, LINE_AND_DOTS, BLUE } } });
}

/* -- Games */
static inline const char *who_played(const match *m, int turn)
{
    return m->ours < 0 ? (turn ? "white" : "black") : turn == m->ours ? "network" : "GNU Go";
}

static inline void report_match(program *p, player *a, const match *m)
{
    char name[8];
    FILE *page = report_html(p, "smalls");
    for (int i = 1; page && i <= m->n; i++) {
        float owner[POINTS];
        const position *q = &m->at[i];
        double score = foresee(a, q, owner);
        draw_board(page, &go, q, (overlay){ NULL, owner, m->move[i - 1] },
                   i == m->n / 2 ? " cover" : "",
                   program_words(p, "%d. %s %s; %+.1f", i, who_played(m, !q->turn),
                                 name_of(m->move[i - 1], name), score));
    }
}

/* how the games ended, and the one move by move that was the best for it as white */
static inline void report_gnugo(program *p, player *a, const match *m, int n)
{
    int best = 0;
    report_row(p, "game|the network is|its points|GNU Go counts|moves");
    for (int i = 0; i < n; i++)
        report_row(p, "%d|%s|%+d|%s|%d", i + 1, m[i].ours ? "white" : "black", points_of(&m[i]),
                   m[i].counted, m[i].n);
    report_text(p, "%d of these %d games are different.", different(m, n), n);
    FILE *page = report_html(p, "smalls");
    for (int i = 0; page && i < n; i++)
        draw_board(page, &go, &m[i].at[m[i].n], (overlay){ NULL, NULL, -1 }, "",
                   program_words(p, "Game %d, at its end: %+d", i + 1, points_of(&m[i])));
    for (int i = 0; i < n; i++)
        if (m[i].ours > m[best].ours
            || (m[i].ours == m[best].ours && points_of(&m[i]) > points_of(&m[best])))
            best = i;
    report_text(p, "Game %d, move by move; the network is %s.", best + 1,
                m[best].ours ? "white" : "black");
    report_match(p, a, &m[best]);
}

/* in words, against GNU Go; the won ones of all */
static inline const char *result_of(program *p, const results *r, int *all)
{
    int won[2] = { 0 }, n[2] = { 0 };
    for (int i = 0; i < r->played; i++)
        n[r->matches[i].ours]++, won[r->matches[i].ours] += points_of(&r->matches[i]) > 0;
    *all = won[0] + won[1];
    return r->played ? program_words(p, "won %d of %d as black, %d of %d as white", won[0],
                                     n[0], won[1], n[1])
                     : "not there";
}

static inline void report_all(program *p, player *novice, player *master, const results *r)
{
    const course *c = &r->go;
    int all;
    const char *words = result_of(p, r, &all);
    report_text(p, "Nobody showed it a game. It knew the rules, played against itself, and learned "
                "what its own search found. Here, where it looks before the first move of Go, in "
                "%% of all looks:");
    report_openings(p, c);
    report_fact(p, "Tic-tac-toe", program_words(p, "%d of %d", r->proof.lost[0][SIGHTS - 1],
                r->proof.positions), program_words(p, "positions lost that need not be, by its "
                "search of %d looks", r->proof.looks[SIGHTS - 1]));
    report_fact(p, "Random play", program_words(p, "%.0f %%", c->n ? c->won[c->n - 1] : 0),
                "of games of Go won against it");
    report_fact(p, "GNU Go", program_words(p, "%d of %d", all, r->played), words);
    report_heading(p, "Tic-tac-toe, proven");
    report_text(p, "Minimax says what each position is worth. The player, with its search, was "
                "asked for a move in all %d positions that are not ends.", r->proof.positions);
    report_three(p, novice, r);
    report_heading(p, "Go, as it learned");
    report_course(p, c);
    report_heading(p, "A game against itself");
    report_text(p, "Small squares: whose the network expects each point to be at the end, black's "
                "or white's. Their sum, black's score, stands behind each move. A red ring marks "
                "the last move.");
    report_match(p, master, &r->own);
    report_heading(p, "Against GNU Go");
    if (!r->played)
        report_text(p, "GNU Go was not asked, or is not here (Debian's package gnugo).");
    else
        report_gnugo(p, master, r->matches, r->played);
}

#endif
