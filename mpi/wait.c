/* Waiting for other ranks, so that none waits for ever.
 *
 * A collective call ends when all ranks have made it. While a rank waits for that, it reads letters
 * too, which come beside the collective calls, on a communicator of their own:
 *
 *   ASK    "I have waited for long: who is there?" A rank that waits itself answers
 *   HERE   with what it waits for
 *   GONE   "I can go on no longer", with the reason, which becomes the error of all
 *
 * A rank that asked and gets no answer from another one in 3 seconds (or in the time-out, if that
 * is shorter) names it, and is GONE. So a rank that is killed, hangs or has left its loop is named,
 * and one that is merely slow is not, as long as the time-out is longer than its computation. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ranks.h"

#define ANSWERS 3.0 /* seconds */

static const char *const calls[CT__MPI_CALLS] = {
    "ct_mpi_new", "ct_mpi_add_...", "ct_mpi_backward", "ct_mpi_sum", "ct_mpi_max", "ct_mpi_mean",
    "ct_mpi_total", "ct_mpi_save", "ct_mpi_load", "ct_mpi_step"
};

double ct__seconds(void)
{
    struct timespec now = { 0, 0 };
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* -- Letters */
/* to one rank, or to all others. A failure is not looked at: who does not get it has a time-out */
static void send(ct_mpi *m, int kind, int to)
{
    ct__letter *letter = &m->out[kind];
    letter->kind = kind;
    letter->what = m->what;
    letter->step = m->step;
    for (int rank = 0; rank < m->size; rank++) {
        MPI_Request request = MPI_REQUEST_NULL;
        if (rank == m->rank || (to >= 0 && to != rank))
            continue;
        if (MPI_Isend(letter, sizeof *letter, MPI_BYTE, rank, 0, m->control, &request) ==
            MPI_SUCCESS)
            MPI_Request_free(&request);
    }
}

/* an error with this text, after which nothing works */
static void leave(ct_mpi *m, const char *text)
{
    if (!m->broken && !m->doomed)
        snprintf(m->text, sizeof m->text, "%s", text);
    m->broken = true;
    ct_fail(m->cx, CT_ERROR_CALLBACK, "%s", text);
}

void ct__mpi_break(ct_mpi *m, const char *text)
{
    leave(m, text);
    if (m->told)
        return;
    m->told = true;
    snprintf(m->out[CT__GONE].text, CT__TEXT, "%s", text);
    send(m, CT__GONE, -1);
}

bool ct__mpi_good(ct_mpi *m, int code, const char *function)
{
    char text[CT__TEXT], reason[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS)
        return true;
    MPI_Error_string(code, reason, &length);
    snprintf(text, sizeof text, "rank %d: %s: %.150s", m->rank, function, reason);
    ct__mpi_break(m, text);
    return false;
}

/* a rank that answers must wait for the same, or be on its way from an earlier call */
static void read_answer(ct_mpi *m, int from)
{
    char text[CT__TEXT];
    const ct__letter *in = &m->in;
    m->heard[from] = true;
    if (in->what == (int64_t)m->what || in->step != m->step || in->what < 0 ||
        in->what >= CT__MPI_CALLS)
        return;
    snprintf(text, sizeof text, "rank %d waits in its call %lld, %s, and rank %d in its call %lld, "
             "%s: all ranks must make the same calls", m->rank, (long long)m->step, calls[m->what],
             from, (long long)in->step, calls[in->what]);
    ct__mpi_break(m, text);
}

/* A rank that is gone in a later call has completed this one. So all have done their part of this
   one, and it can be completed here too. */
static void read_end(ct_mpi *m)
{
    m->told = true; /* by the one that broke */
    m->doomed = m->in.step > m->step;
    if (m->doomed)
        snprintf(m->text, sizeof m->text, "%s", m->in.text);
    else
        leave(m, m->in.text);
}

/* reads what has come; false: broken */
static bool listen(ct_mpi *m)
{
    MPI_Status status;
    int there = 1;
    while (!m->broken) {
        if (!ct__mpi_good(m, MPI_Iprobe(MPI_ANY_SOURCE, 0, m->control, &there, &status),
                          "MPI_Iprobe") || !there)
            break;
        const int from = status.MPI_SOURCE;
        if (!ct__mpi_good(m, MPI_Recv(&m->in, sizeof m->in, MPI_BYTE, from, 0, m->control,
                                      MPI_STATUS_IGNORE), "MPI_Recv"))
            break;
        m->in.text[CT__TEXT - 1] = '\0';
        if (m->in.kind == CT__ASK)
            send(m, CT__HERE, from);
        else if (m->in.kind == CT__HERE)
            read_answer(m, from);
        else
            read_end(m);
    }
    return !m->broken;
}

/* -- Waiting */
typedef struct patience {
    double begun, asked; /* asked 0: not yet */
} patience;

static void ask(ct_mpi *m, patience *p, double now)
{
    for (int rank = 0; rank < m->size; rank++)
        m->heard[rank] = rank == m->rank;
    p->asked = now;
    send(m, CT__ASK, -1);
}

/* who has not answered is named; if all have, the network is slow, and we wait on */
static void judge(ct_mpi *m, patience *p, double now)
{
    char text[CT__TEXT];
    for (int rank = 0; rank < m->size; rank++) {
        if (m->heard[rank])
            continue;
        snprintf(text, sizeof text, "rank %d has made no call for %.3g s, while rank %d waits for "
                 "it in %s", rank, now - p->begun, m->rank, calls[m->what]);
        ct__mpi_break(m, text);
        return;
    }
    *p = (patience){ now, 0 };
}

/* between two looks: others may need the processor */
static void pause(double waited)
{
    const struct timespec nap = { 0, waited < 0.1 ? 20000 : 200000 };
    if (waited < 2e-3)
        sched_yield();
    else
        nanosleep(&nap, NULL);
}

bool ct__mpi_wait(ct_mpi *m, MPI_Request *requests, int n)
{
    patience p = { ct__seconds(), 0 };
    const double start = p.begun, timeout = m->options.timeout;
    int done = 0;
    while (!m->broken) {
        if (!ct__mpi_good(m, MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE), "MPI_Testall"))
            return false;
        if (done)
            return true;
        if (!listen(m))
            return false;
        double now = ct__seconds();
        if (timeout > 0 && p.asked == 0 && now - p.begun > timeout)
            ask(m, &p, now);
        else if (p.asked > 0 && now - p.asked > (timeout < ANSWERS ? timeout : ANSWERS))
            judge(m, &p, now);
        pause(now - start);
    }
    return false;
}

void ct__mpi_poke(ct_mpi *m, MPI_Request *requests, int n)
{
    int done;
    if (n > 0 && !m->broken)
        ct__mpi_good(m, MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE), "MPI_Testall");
}
