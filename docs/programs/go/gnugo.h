/* GNU Go as an opponent, through two pipes, by the Go Text Protocol (GTP, version 2). What does not
 * answer in time is given up. */
#ifndef GNUGO_H
#define GNUGO_H
#include "board.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RESIGN = MOVES, NOTHING };
static int patience = 100000;    /* milliseconds for an answer */

typedef struct gnugo {
    pid_t pid;                  /* 0: it does not run */
    int in, out;
} gnugo;

/* "D3" is the point on the fourth column, third row from below */
static inline const char *name_of(int move, char *name)
{
    const char point[] = { (char)('A' + move % EDGE), (char)('0' + EDGE - move / EDGE), '\0' };
    return strcpy(name, move == PASS ? "pass" : point);
}

static inline int move_of(const char *name)
{
    int x = (name[0] | 32) - 'a', y = EDGE - (name[1] - '0');
    if ((name[0] | 32) == 'p')
        return PASS;
    if ((name[0] | 32) == 'r')
        return RESIGN;
    return x >= 0 && x < EDGE && y >= 0 && y < EDGE ? y * EDGE + x : NOTHING;
}

static inline void gnugo_end(gnugo *g)
{
    if (g->pid <= 0)
        return;
    close(g->in), close(g->out);
    kill(g->pid, SIGKILL);
    waitpid(g->pid, NULL, 0);
    g->pid = 0;
}

/* Sends a command; its answer, without "= ", comes into `answer`. false: there was none, and it was
   given up, or it was "?", a complaint */
static inline bool gnugo_ask(gnugo *g, const char *command, char *answer, size_t room)
{
    size_t n = 0;
    struct pollfd wait = { g->out, POLLIN, 0 };
    char line[64];
    int length = snprintf(line, sizeof line, "%s\n", command);
    ssize_t got = g->pid > 0 ? write(g->in, line, (size_t)length) : 0;
    bool ended = false; /* by an empty line */
    while (got > 0 && !ended && n + 1 < room) {
        got = poll(&wait, 1, patience) > 0 ? read(g->out, answer + n, room - 1 - n) : 0;
        n += got > 0 ? (size_t)got : 0;
        ended = n > 2 && memcmp(answer + n - 2, "\n\n", 2) == 0;
    }
    if (!ended) {
        gnugo_end(g);
        return false;
    }
    answer[n - 2] = '\0';
    bool good = answer[0] == '=';
    memmove(answer, answer + (n > 3 ? 2 : 1), strlen(answer + (n > 3 ? 2 : 1)) + 1);
    return good;
}

static inline void gnugo_run(int in, int out, int seed)
{
    char number[16];
    snprintf(number, sizeof number, "%d", seed);
    dup2(in, 0), dup2(out, 1);
    for (int i = 3; i < 64; i++)
        close(i);
    static const char *const places[] = { "gnugo", "/usr/games/gnugo" };
    for (int i = 0; i < 2; i++)
        execlp(places[i], "gnugo", "--mode", "gtp", "--boardsize", "5", "--chinese-rules", "--komi",
               "0", "--positional-superko", "--capture-all-dead", "--never-resign", "--seed",
               number, (char *)NULL);
    _exit(127);
}

/* false: there is no gnugo here */
static inline bool gnugo_begin(gnugo *g, int seed)
{
    int to[2], from[2];
    char answer[256];
    *g = (gnugo){ 0 };
    signal(SIGPIPE, SIG_IGN); /* if it ends, writing fails, and that is seen */
    if (pipe(to))
        return false;
    if (pipe(from)) {
        close(to[0]), close(to[1]);
        return false;
    }
    g->pid = fork();
    if (g->pid == 0)
        gnugo_run(to[0], from[1], seed);
    g->in = to[1], g->out = from[0];
    close(to[0]), close(from[1]);
    if (g->pid < 0)
        close(g->in), close(g->out);
    bool begun = gnugo_ask(g, "boardsize 5", answer, sizeof answer)
        && gnugo_ask(g, "clear_board", answer, sizeof answer)
        && gnugo_ask(g, "komi 0", answer, sizeof answer);
    if (!begun)
        gnugo_end(g);
    return begun;
}

/* what it plays, as black (0) or white (1): a move, PASS, RESIGN, or NOTHING after an error */
static inline int gnugo_move(gnugo *g, int turn)
{
    char answer[256];
    bool good = gnugo_ask(g, turn ? "genmove white" : "genmove black", answer, sizeof answer);
    return good ? move_of(answer) : NOTHING;
}

/* false: it says that the move is against the rules */
static inline bool gnugo_sees(gnugo *g, int turn, int move)
{
    char command[32], answer[256], name[8];
    snprintf(command, sizeof command, "play %s %s", turn ? "white" : "black", name_of(move, name));
    return gnugo_ask(g, command, answer, sizeof answer);
}

#endif
