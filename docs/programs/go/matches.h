/* Games of the player against random play, against GNU Go, and against itself. */
#ifndef MATCHES_H
#define MATCHES_H
#include "gnugo.h"
#include "player.h"
#include "tictactoe.h"

/* n games, by turns as black and as white, against random play: the won ones */
static inline int against_random(player *a, int n, int looks)
{
    static tree trees[TREES];
    position p[TREES] = { 0 };
    int won = 0;
    for (int step = 0; step < LONGEST; step++) {
        int count = 0, who[TREES];
        for (int i = 0; i < n; i++) {
            if (a->g->over(&p[i]))
                continue;
            if (p[i].turn != i % 2)
                play_at_random(a->cx, a->g, &p[i]);
            else
                tree_begin(&trees[count], &p[i]), who[count++] = i;
        }
        search(a->g, trees, count, looks, network, a);
        for (int i = 0; i < count; i++)
            a->g->play(&p[who[i]], most_visited(&trees[i]));
    }
    for (int i = 0; i < n; i++)
        won += score_of(a->g, &p[i]) * (i % 2 ? -1 : 1) > 0;
    return won;
}

/* -- Tic-tac-toe, against perfect play */
enum { SIGHTS = 4 };
static every positions;

/* positions lost needlessly after so many looks, with the network and without; and after the most
   looks, with the network: positions looked at, those where anything was given away */
typedef struct proof {
    int looks[SIGHTS], lost[2][SIGHTS], positions, worse;
} proof;

/* In how many positions of tic-tac-toe, each of every so many, the move that is chosen loses what
   need not be lost; f->worse: or does not win what could be won */
static inline int needless(player *a, int looks, judge judge, proof *f, int every_nth)
{
    static tree trees[TREES];
    int lost = 0;
    f->worse = f->positions = 0;
    for (int i = 0; i < POSITIONS && !ct_error(a->cx);) {
        int n = 0;
        for (; n < TREES && i < POSITIONS; i += every_nth)
            if (!three_over(&positions.all[i]))
                tree_begin(&trees[n++], &positions.all[i]);
        search(&three, trees, n, looks, judge, a);
        for (int k = 0; k < n; k++, f->positions++) {
            position q = three_after(&trees[k].root, most_visited(&trees[k]));
            int before = value_of(&positions, &trees[k].root), after = -value_of(&positions, &q);
            lost += before >= 0 && after < 0;
            f->worse += after < before;
        }
    }
    return lost;
}

/* -- Go, against GNU Go */
/* a game, move by move */
typedef struct match {
    int ours, n, score;         /* whose turn is the player's, or -1: both; moves; black's score */
    position at[LONGEST + 1];
    int move[LONGEST];
    char counted[32];           /* GNU Go's own count, "B+25.0" */
} match;

static inline match play_match(player *a, gnugo *other, int ours, int looks)
{
    match m = { .ours = ours };
    for (; !go_over(&m.at[m.n]) && !ct_error(a->cx); m.n++) {
        position *p = &m.at[m.n];
        int move;
        if (ours >= 0 && p->turn != ours) {
            move = gnugo_move(other, p->turn);
            if (move > PASS || !(go_legal(p) & point(move)))
                break;
        } else {
            float share[MOVES];
            move = look_at(a, p, looks, share);
            if (ours >= 0 && !gnugo_sees(other, ours, move))
                break;
        }
        m.move[m.n] = move;
        m.at[m.n + 1] = *p;
        go_play(&m.at[m.n + 1], move);
    }
    m.score = score_of(&go, &m.at[m.n]);
    if (ours >= 0 && !gnugo_ask(other, "final_score", m.counted, sizeof m.counted))
        strcpy(m.counted, "no count");
    return m;
}

/* n games against GNU Go, by turns as black and as white; how many came to their end. One that does
   not begin, or gives no answer in time, is the last */
static inline int against_gnugo(program *p, player *a, match *m, int n, int looks)
{
    int ended = 0;
    for (int i = 0; i < n; i++) {
        gnugo other;
        if (!program_progress(p, 0.85 + 0.15 * i / n, "game %d against GNU Go", i + 1)
            || !gnugo_begin(&other, 100 * p->seed + i))
            break;
        m[ended] = play_match(a, &other, i % 2, looks);
        bool answers = other.pid > 0;
        gnugo_end(&other);
        if (go_over(&m[ended].at[m[ended].n])) {
            ended++;
            continue;
        }
        program_say(p, "game %d against GNU Go was broken off after %d moves: %s", i + 1,
                    m[ended].n, answers ? "a move is not legal" : "no answer");
        if (!answers)
            break;
    }
    return ended;
}

/* how many of the games are not the same as one before */
static inline int different(const match *m, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++) {
        bool fresh = true;
        for (int k = 0; k < i; k++)
            fresh &= m[i].n != m[k].n
                || memcmp(m[i].move, m[k].move, (size_t)m[i].n * sizeof(int)) != 0;
        count += fresh;
    }
    return count;
}

/* of the player, in a game against another */
static inline int points_of(const match *m)
{
    return m->ours ? -m->score : m->score;
}

#endif
