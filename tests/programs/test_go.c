/* test_go: the rules of Go and of tic-tac-toe, on positions made by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gnugo.h"
#include "must.h"
#include "search.h"
#include "tictactoe.h"

/* X is black, O white; `turn` is to move */
static position board(int turn, const char *rows)
{
    position p = { .turn = turn };
    for (int i = 0; i < POINTS; i++)
        if (rows[i] != '.')
            p.stones[rows[i] == 'O'] |= point(i);
    return p;
}

static bool is(const position *p, const char *rows)
{
    position q = board(0, rows);
    return p->stones[0] == q.stones[0] && p->stones[1] == q.stones[1];
}

static bool may(const position *p, const char *name)
{
    return go_legal(p) & point(move_of(name));
}

static position after(position p, const char *names)
{
    for (; *names; names += strcspn(names, " "), names += strspn(names, " "))
        go_play(&p, move_of(names));
    return p;
}

/* -- Go */
static void test_neighbors(void)
{
    must("the middle has four neighbors", neighbors(point(12)) == (point(7) | point(11) | point(13)
                                                                   | point(17)));
    must("a corner has two", neighbors(point(0)) == (point(1) | point(5)));
    must("the other corners too", neighbors(point(4)) == (point(3) | point(9))
         && neighbors(point(20)) == (point(15) | point(21))
         && neighbors(point(24)) == (point(19) | point(23)));
    must("rows do not run on", neighbors(point(9)) == (point(4) | point(8) | point(14)));
    must("nor below the board", neighbors(whole) == whole);
}

static void test_captures(void)
{
    position p = after(board(0, "....." "..X.." ".XOX." "....." "....."), "C2");
    must("a stone is taken", is(&p, "....." "..X.." ".X.X." "..X.." "....."));
    p = after(board(1, "X...." "....." "....." "....." "....."), "B5 pass A4");
    must("in the corner two are enough", is(&p, ".O..." "O...." "....." "....." "....."));
    p = after(board(0, "OOX.." "OX..." "....." "....." "....."), "A3");
    must("a group is taken whole", is(&p, "..X.." ".X..." "X...." "....." "....."));
    p = after(board(0, "O.OX." "XXX.." "....." "....." "....."), "B5");
    must("two groups at once", is(&p, ".X.X." "XXX.." "....." "....." "....."));
    p = after(board(0, "OO.X." "OXX.." "....." "....." "....."), "A3");
    must("who has a liberty stays", is(&p, "OO.X." "OXX.." "X...." "....." "....."));
    p = after(board(1, "X.O.." "OO..." "....." "....." "....."), "B5");
    must("white takes too", is(&p, ".OO.." "OO..." "....." "....." "....."));
}

static void test_suicide(void)
{
    position p = board(0, ".O..." "O...." "....." "....." ".....");
    must("no suicide of one stone", !may(&p, "A5"));
    p.turn = 1;
    must("the other may fill his eye", may(&p, "A5"));
    p = board(0, "X.O.." "OO..." "....." "....." ".....");
    must("no suicide of two stones", !may(&p, "B5"));
    p = board(0, ".OX.." "OX..." "X...." "....." ".....");
    must("to take the last liberty of others is none", may(&p, "A5"));
    p = after(p, "A5");
    must("and takes them", is(&p, "X.X.." ".X..." "X...." "....." "....."));
    must("no stone upon another", !may(&p, "A5") && !may(&p, "C5"));
    must("to pass is legal", may(&p, "pass"));
}

static void test_superko(void)
{
    position p = board(0, ".XO.." "XO.O." ".XO.." "....." ".....");
    p = after(p, "C4");
    must("black takes a ko", is(&p, ".XO.." "X.XO." ".XO.." "....." "....."));
    must("white may not take back", !may(&p, "B4"));
    position q = after(p, "A1 E1");
    must("but after other moves", may(&q, "B4"));
    q = after(p, "pass pass");
    q.passes = 0;
    must("a pass changes no board", !may(&q, "B4"));
    p = board(0, "....." "....." "....." "....." ".....");
    p = after(p, "A1 E5");
    p.stones[0] = p.stones[1] = 0; /* as if both had been taken */
    must("no board comes again, however long ago", !may(&p, "A1"));
    must("another one may", may(&p, "B1"));
}

static void test_score(void)
{
    position p = board(0, ".....""....." "....." "....." ".....");
    must("nothing is nobody's", score_of(&go, &p) == 0);
    p = board(0, "....." "....." "..X.." "....." ".....");
    must("one stone has it all", score_of(&go, &p) == 25);
    p = board(0, ".XO.." ".XO.." ".XO.." ".XO.." ".XO..");
    must("a wall each: 10 to 15", score_of(&go, &p) == -5);
    p = board(0, ".X.O." ".X.O." ".X.O." ".X.O." ".X.O.");
    must("what both reach is nobody's", score_of(&go, &p) == 0);
    p = board(0, ".XOX." "XXOX." "OOO.X" "X.OXX" ".XO..");
    float owner[POINTS];
    go_owners(&p, owner);
    must("an eye is its owner's", owner[0] > 0 && owner[4] > 0);
    must("a point between is nobody's", owner[13] == 0 && owner[16] == 0);
    p = board(0, "XXXXX" "XXXXX" "XXX.O" "XXXXX" "X.XXX");
    must("a dead stone counts until it is taken", score_of(&go, &p) == 23 - 1);
    p = after(board(0, "....." "....." "..X.." "....." "....."), "pass pass");
    must("two passes end the game", go_over(&p) && go_legal(&p) == 0);
    p = after(board(0, "....." "....." "..X.." "....." "....."), "pass A1 pass");
    must("two that are not in a row do not", !go_over(&p));
}

/* games of random moves: what is legal can be played, stones have liberties, no board repeats */
static void test_random_games(void)
{
    uint64_t state = 1;
    bool liberties = true, fresh = true, ended = true;
    for (int k = 0; k < 300; k++) {
        position p = { 0 };
        while (!go_over(&p)) {
            set legal = go_legal(&p);
            int move;
            do
                state = state * 6364136223846793005u + 1442695040888963407u;
            while (!(legal & point(move = (int)((state >> 33) % MOVES))));
            go_play(&p, move);
            liberties &= alive(p.stones[0], p.stones[1]) == p.stones[0]
                && alive(p.stones[1], p.stones[0]) == p.stones[1]
                && !(p.stones[0] & p.stones[1]);
            for (int i = 0; move != PASS && i < p.moves; i++)
                fresh &= p.seen[i] != number_of(p.stones);
        }
        ended &= p.moves <= LONGEST;
    }
    must("every stone has a liberty", liberties);
    must("no board comes twice", fresh);
    must("games end", ended);
}

/* -- Tic-tac-toe */
static void test_three(void)
{
    static every e;
    position start = { 0 };
    must("with perfect play nobody wins", solve(&e, &start) == 0);
    must("there are 5,478 positions", e.n == POSITIONS);
    must("958 of them are ends", e.ends == 958);
    position p = { { 0003, 0030 }, 0, 0, 4, { 0 } };
    must("who is to move completes a line", solve(&e, &p) == 1);
    p = three_after(&p, 2);
    must("then it is over, and lost", three_over(&p) && three_legal(&p) == 0 && solve(&e, &p) < 0);
    must("the winner gets all", score_of(&three, &p) == NINE);
    p = (position){ { 0001, 0 }, 1, 0, 1, { 0 } };
    for (int i = 1; i < NINE; i++) {
        position q = three_after(&p, i);
        must("after a corner only the middle holds", solve(&e, &q) == (i == 4 ? 0 : 1));
    }
}

/* -- The search, with a judge that knows nothing */
static int found(const game *g, const position *p, int looks)
{
    tree *t = malloc(sizeof *t);
    int move = -1;
    if (t) {
        tree_begin(t, p);
        search(g, t, 1, looks, knows_nothing, NULL);
        move = most_visited(t);
    }
    free(t);
    return move;
}

static void test_search(void)
{
    position p = { { 0003, 0030 }, 0, 0, 4, { 0 } };
    must("it completes a line", found(&three, &p, 100) == 2);
    p = (position){ { 0021, 0400 }, 1, 0, 3, { 0 } };
    p.stones[0] = 0003, p.stones[1] = 0020;
    must("it stops the other's", found(&three, &p, 200) == 2);
    p = board(0, "XXXXX" "XXXXX" "XX.X." "OOOOO" "....O");
    p.passes = 1;
    must("it passes where that wins", found(&go, &p, 200) == PASS);
}

/* -- Names */
static void test_names(void)
{
    char name[8];
    bool back = true;
    for (int i = 0; i < MOVES; i++)
        back &= move_of(name_of(i, name)) == i;
    must("a name says its point", back);
    must("A1 is below on the left", move_of("A1") == 20 && move_of("e5") == 4);
    must("others are none", move_of("F1") == NOTHING && move_of("A6") == NOTHING
         && move_of("resign") == RESIGN && move_of("PASS") == PASS);
}

/* -- GNU Go: a script stands for it */
static void make_gnugo(const char *folder, const char *answers)
{
    char path[128];
    snprintf(path, sizeof path, "%s/gnugo", folder);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    fprintf(file, "#!/bin/sh\nwhile read -r command _; do\n%s\ndone\n", answers);
    fclose(file);
    chmod(path, 0700);
}

static void test_gnugo(void)
{
    char folder[] = "/tmp/test-go-XXXXXX", path[512], answer[64];
    gnugo g;
    const char *old = getenv("PATH");
    if (!mkdtemp(folder))
        return;
    snprintf(path, sizeof path, "%s:%s", folder, old ? old : "/usr/bin:/bin");
    setenv("PATH", path, 1);
    make_gnugo(folder, "case $command in genmove) echo '= D3';; play) echo '? illegal move';; "
               "final_score) printf '= W+3';sleep 0.05; echo .0;; *) echo =;; esac; echo");
    must("it begins", gnugo_begin(&g, 1));
    must("it moves", gnugo_move(&g, 0) == move_of("D3"));
    must("a complaint is seen", !gnugo_sees(&g, 1, 3));
    must("an answer may come in pieces", gnugo_ask(&g, "final_score", answer, sizeof answer)
         && strcmp(answer, "W+3.0") == 0);
    must("a complaint is no end", gnugo_move(&g, 1) == move_of("D3"));
    gnugo_end(&g);
    must("after the end there is no move", gnugo_move(&g, 0) == NOTHING);
    make_gnugo(folder, "[ \"$command\" = genmove ] && exit; echo =; echo");
    must("one that ends begins", gnugo_begin(&g, 1));
    must("and is given up", gnugo_move(&g, 0) == NOTHING && g.pid == 0);
    patience = 300;
    make_gnugo(folder, "[ \"$command\" = genmove ] && sleep 5; echo =; echo");
    must("one that sleeps begins", gnugo_begin(&g, 1));
    must("and is given up too", gnugo_move(&g, 0) == NOTHING && g.pid == 0);
    make_gnugo(folder, "echo =; [ $command = komi ] || echo; head -c 999 /dev/zero | tr '\\0' x");
    must("a long answer does no harm", !gnugo_begin(&g, 1) && g.pid == 0);
    make_gnugo(folder, "echo '= and'");
    must("nor one that does not end", !gnugo_begin(&g, 1) && g.pid == 0);
    make_gnugo(folder, "exit 1");
    must("where there is none, it does not begin", !gnugo_begin(&g, 1) && g.pid == 0);
    snprintf(path, sizeof path, "%s/gnugo", folder);
    remove(path), rmdir(folder);
}

int main(void)
{
    test_gnugo();
    test_neighbors();
    test_captures();
    test_suicide();
    test_superko();
    test_score();
    test_random_games();
    test_three();
    test_search();
    test_names();
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
