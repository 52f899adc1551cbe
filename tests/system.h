/* The calls of the system by which a file is replaced: in tests they can fail, or end the process.
 * The linker sends the library's calls of write, fsync and renameat here (--wrap). */
#ifndef SYSTEM_H
#define SYSTEM_H

typedef enum system_way {
    SYSTEM_FAILS, /* no space is left; of a write, half has been done before */
    SYSTEM_KILLS  /* the process ends; of a write, half has been done */
} system_way;

/* the n-th such call from now on, 1 for the next one, goes that way; 0: none does */
void system_at(int n, system_way way);
int system_calls(void); /* how many calls there were since then */
#endif
