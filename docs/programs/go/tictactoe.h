/* The rules of tic-tac-toe, and all its positions with their exact values. */
#ifndef TICTACTOE_H
#define TICTACTOE_H
#include "board.h"

enum { NINE = 9, CODES = 19683, POSITIONS = 5478 };

static inline bool has_line(set s)
{
    static const set lines[] = { 0007, 0070, 0700, 0111, 0222, 0444, 0421, 0124 };
    for (int i = 0; i < 8; i++)
        if ((s & lines[i]) == lines[i])
            return true;
    return false;
}

static inline bool three_over(const position *p)
{
    return p->moves == NINE || has_line(p->stones[!p->turn]);
}

static inline set three_legal(const position *p)
{
    return three_over(p) ? 0 : 0777 & ~(p->stones[0] | p->stones[1]);
}

static inline void three_play(position *p, int move)
{
    p->stones[p->turn] |= point(move);
    p->turn = !p->turn, p->moves++;
}

/* who has a line gets all */
static inline void three_owners(const position *p, float *owner)
{
    for (int i = 0; i < NINE; i++)
        owner[i] = (float)(has_line(p->stones[0]) - has_line(p->stones[1]));
}

static const game three = { 3, NINE, three_legal, three_play, three_over, three_owners };

/* every position that can be reached, and by its code the value for whose turn it is: 1, 0, -1 */
typedef struct every {
    int n, ends;
    position all[POSITIONS];
    signed char value[CODES], known[CODES];
} every;

static inline int code_of(const position *p)
{
    int code = 0;
    for (int i = 0; i < NINE; i++)
        code = 3 * code + (int)(p->stones[0] >> i & 1) + 2 * (int)(p->stones[1] >> i & 1);
    return code;
}

static inline int value_of(const every *e, const position *p)
{
    return e->value[code_of(p)];
}

static inline position three_after(const position *p, int move)
{
    position q = *p;
    three_play(&q, move);
    return q;
}

/* minimax: the value of p, after those of all that can follow it */
static inline int solve(every *e, const position *p)
{
    int code = code_of(p), best = three_over(p) ? -has_line(p->stones[!p->turn]) : -1;
    if (e->known[code])
        return e->value[code];
    for (int i = 0; i < NINE; i++)
        if (three_legal(p) & point(i)) {
            position q = three_after(p, i);
            int value = -solve(e, &q);
            best = value > best ? value : best;
        }
    e->known[code] = 1, e->value[code] = (signed char)best;
    e->ends += three_over(p);
    if (e->n < POSITIONS)
        e->all[e->n] = *p;
    e->n++;
    return best;
}

#endif
