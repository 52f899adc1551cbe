/* A position of a game of two players on a small square board, and the rules of Go on 5 x 5: area
 * scoring, no suicide, and no board that was there before (positional superko). No stone is taken
 * off at the end: who wants dead stones off the board captures them.
 *
 * A set of points is a number whose bit i is point i, row by row from the top. */
#ifndef BOARD_H
#define BOARD_H
#include <stdbool.h>
#include <stdint.h>

enum { EDGE = 5, POINTS = EDGE * EDGE, PASS = POINTS, MOVES = POINTS + 1, LONGEST = 80 };

typedef uint32_t set;
static inline set point(int i) { return (set)1 << i; }

typedef struct position {
    set stones[2];              /* of black, who begins, and of white */
    int turn, passes, moves;    /* whose turn it is, passes in a row, and moves until now */
    uint64_t seen[LONGEST + 1]; /* the boards before each move: of Go */
} position;

/* What the search and the network need to know of a game */
typedef struct game {
    int edge, points;                               /* of the board: 5, 25 */
    set (*legal)(const position *p);                /* the moves; bit `points` is to pass */
    void (*play)(position *p, int move);            /* a legal one */
    bool (*over)(const position *p);
    void (*owners)(const position *p, float *owner); /* at the end: 1 black, -1 white, 0 none */
} game;

static const set whole = ((set)1 << POINTS) - 1, left = 0x108421, right = 0x108421 << (EDGE - 1);

static inline set neighbors(set s)
{
    return ((s & ~right) << 1 | (s & ~left) >> 1 | s << EDGE | s >> EDGE) & whole;
}

/* what of `inside` can be reached from `from` */
static inline set reach(set from, set inside)
{
    for (set s = from & inside, next;; s = next) {
        next = s | (neighbors(s) & inside);
        if (next == s)
            return s;
    }
}

/* the stones that have a liberty */
static inline set alive(set stones, set other)
{
    return reach(neighbors(whole & ~(stones | other)), stones);
}

/* the number of a board: no two have the same */
static inline uint64_t number_of(const set *stones)
{
    return stones[0] | (uint64_t)stones[1] << POINTS;
}

/* The stones of both after a move; false if it is not legal */
static inline bool go_after(const position *p, int move, set *after)
{
    set mine = p->stones[p->turn], theirs = p->stones[!p->turn];
    if (move != PASS) {
        if ((mine | theirs) & point(move))
            return false;
        mine |= point(move);
        theirs = alive(theirs, mine);
        if (!(alive(mine, theirs) & point(move)))
            return false;
    }
    after[p->turn] = mine, after[!p->turn] = theirs;
    for (int i = 0; move != PASS && i < p->moves; i++)
        if (p->seen[i] == number_of(after))
            return false;
    return true;
}

static inline bool go_over(const position *p)
{
    return p->passes == 2 || p->moves == LONGEST;
}

static inline set go_legal(const position *p)
{
    set moves = 0, after[2];
    for (int i = 0; i < MOVES; i++)
        moves |= go_after(p, i, after) ? point(i) : 0;
    return go_over(p) ? 0 : moves;
}

static inline void go_play(position *p, int move)
{
    set after[2];
    if (!go_after(p, move, after))
        return;
    p->seen[p->moves++] = number_of(p->stones);
    p->stones[0] = after[0], p->stones[1] = after[1];
    p->turn = !p->turn;
    p->passes = move == PASS ? p->passes + 1 : 0;
}

/* a player owns his stones, and the empty points from which only his stones are reached */
static inline void go_owners(const position *p, float *owner)
{
    set empty = whole & ~(p->stones[0] | p->stones[1]), area[2];
    for (int who = 0; who < 2; who++)
        area[who] = p->stones[who] | reach(neighbors(p->stones[who]), empty);
    for (int i = 0; i < POINTS; i++)
        owner[i] = (float)((int)(area[0] >> i & 1) - (int)(area[1] >> i & 1));
}

static const game go = { EDGE, POINTS, go_legal, go_play, go_over, go_owners };

/* black's points less white's */
static inline int score_of(const game *g, const position *p)
{
    float owner[POINTS];
    int score = 0;
    g->owners(p, owner);
    for (int i = 0; i < g->points; i++)
        score += (int)owner[i];
    return score;
}

#endif
