/* A peer: a process that does the same work with another library. It lives as long as the program,
 * is told a line "REPEATS REQUEST", and answers with nanoseconds (or bytes); 0: it has no such
 * work. peers/start knows how each is started. */
#ifndef PEERS_H
#define PEERS_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

typedef struct bench_peer {
    const char *name;
    int threads;
    FILE *to, *from;       /* NULL: it is not there */
    pid_t process;
    char version[80];
} bench_peer;

void peer_start(bench_peer *peer, const char *name, int threads);
bool peer_is_ready(bench_peer *peer);  /* waits for it; false: not installed */
double peer_ask(bench_peer *peer, int64_t repeats, const char *request);
void peer_stop(bench_peer *peer);
#endif
