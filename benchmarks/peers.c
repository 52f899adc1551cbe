#include "peers.h"

#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void become(const char *name, int threads)
{
    char count[12];
    snprintf(count, sizeof count, "%d", threads);
    execl("/bin/sh", "sh", "benchmarks/peers/start", name, count, (char *)NULL);
    _exit(1);
}

void peer_start(bench_peer *peer, const char *name, int threads)
{
    int to[2], from[2];
    *peer = (bench_peer){ .name = name, .threads = threads };
    signal(SIGPIPE, SIG_IGN);
    if (pipe(to) != 0)
        return;
    if (pipe(from) != 0) {
        close(to[0]);
        close(to[1]);
        return;
    }
    peer->process = fork();
    if (peer->process == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int i = 3; i < 256; i++) /* the other peers' pipes, too */
            close(i);
        become(name, threads);
    }
    close(to[0]);
    close(from[1]);
    peer->to = fdopen(to[1], "w");
    peer->from = fdopen(from[0], "r");
}

bool peer_is_ready(bench_peer *peer)
{
    if (peer->from && fgets(peer->version, sizeof peer->version, peer->from)) {
        if (!strchr(peer->version, '\n'))
            fscanf(peer->from, "%*[^\n]");
        peer->version[strcspn(peer->version, "\n")] = 0;
        return true;
    }
    peer_stop(peer);
    return false;
}

/* Threads of a peer go on spinning for a while after its work; they must not meet ours. And a core
 * that slept needs a while to be as fast as before: so this one does not sleep */
static void let_it_rest(int threads)
{
    double until = bench_now() + (threads > 1 ? 4e7 : 3e6);
    while (bench_now() < until)
        ;
}

double peer_ask(bench_peer *peer, int64_t repeats, const char *request)
{
    double answer = 0;
    if (!peer->to)
        return 0;
    fprintf(peer->to, "%lld %s\n", (long long)repeats, request);
    if (fflush(peer->to) != 0 || fscanf(peer->from, "%lf", &answer) != 1) {
        fprintf(stderr, "%s ended at: %s\n", peer->name, request);
        peer_stop(peer);
        return 0;
    }
    let_it_rest(peer->threads);
    return answer;
}

void peer_stop(bench_peer *peer)
{
    if (peer->to)
        fclose(peer->to);
    if (peer->from)
        fclose(peer->from);
    if (peer->process > 0)
        waitpid(peer->process, NULL, 0);
    peer->to = peer->from = NULL;
    peer->process = 0;
}
