/* The calls of the system by which a file is replaced: in tests they can fail, or end the process.
 * And other calls, which can fail. The linker sends the library's calls of them here (--wrap). */
#ifndef SYSTEM_H
#define SYSTEM_H
#include <stdbool.h>

typedef enum system_way {
    SYSTEM_FAILS, /* no space is left; of a write, half has been done before */
    SYSTEM_KILLS  /* the process ends; of a write, half has been done */
} system_way;

/* the n-th such call from now on, 1 for the next one, goes that way; 0: none does */
void system_at(int n, system_way way);
int system_calls(void); /* how many calls there were since then */

/* -- Calls that fail, without any that end the process */
typedef enum system_call {
    SYSTEM_FILE,   /* all that looks at files and reads them, and that finds, locks and names new ones */
    SYSTEM_THREAD, /* pthread_create */
    SYSTEM_LOCK,   /* pthread_mutex_init and pthread_cond_init */
    SYSTEM_COUNT
} system_call;
/* the n-th such call from now on fails, and with `after` all that come after it; 0: none does */
void system_refuses(system_call call, int n, bool after);
int system_asked(system_call call); /* how many there were since then */

/* -- What was made to fail is counted */
typedef enum fault_kind {
    FAULT_MEMORY, /* runs in which an allocation failed, alone or with all after it */
    FAULT_WRITE,  /* calls that replace a file */
    FAULT_FILE,   /* SYSTEM_FILE */
    FAULT_THREAD, /* SYSTEM_THREAD */
    FAULT_LOCK,   /* SYSTEM_LOCK */
    FAULT_COUNT
} fault_kind;
void count_fault(fault_kind kind);
/* adds the counts of this process to the file $TEST_FAULTS, a line "KIND COUNT" for each kind; it
 * happens by itself where a process ends */
void write_faults(void);
#endif
