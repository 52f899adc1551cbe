/* How a program begins, goes on and ends. */
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "ranks.h"
#include "report.h"

enum { CELLS_OF_BAR = 30 };

static volatile sig_atomic_t stop;

static void on_interrupt(int signal)
{
    (void)signal;
    stop = 1;
}

double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* -- The beginning */
static bool complain(program *p, const char *what, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s%s%s\n", p->name, what, *what ? ": " : "", why);
    p->status = EXIT_FAILED;
    report_free(p);
    return false;
}

static void introduce(const program *p)
{
    printf("%s %s; ", p->name, p->does);
    if (p->tiny)
        puts("a tiny run");
    else if (p->quick)
        puts("a quick run, of at most a minute");
    else
        printf("about %g %s on one core\n", p->minutes < 1 ? 60 * p->minutes : p->minutes,
               p->minutes < 1 ? "seconds" : p->minutes == 1 ? "minute" : "minutes");
    fflush(stdout);
}

bool program_begin(program *p, int argc, char **argv)
{
    static char out[64];
    const char *folder = getenv("COTANGENT_DATA");
    snprintf(out, sizeof out, "%s-out", p->name);
    p->start = seconds_now();
    p->data = folder && *folder ? folder : NULL;
    p->out = out, p->seed = 1, p->threads = 1, p->ranks = 1;
    const char *why = "";
    if (!options_read(p, argc, argv))
        return false;
    if (p->ranks > 1 && p->replay)
        return complain(p, "", "--replay is for one process");
    if (p->ranks > 1 && !p->parallel->begin(p, &why))
        return complain(p, "", why);
    if (!report_begin(p))
        return complain(p, p->report ? p->report->path : "", strerror(errno));
    p->cx = ct_context_new(&(ct_context_options){ .seed = (uint64_t)p->seed,
                                                  .threads = p->threads ? p->threads : -1 });
    if (!p->cx)
        return complain(p, "", "out of memory");
    /* the first Ctrl-C asks us to stop; a second one ends the program as ever */
    struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &action, NULL);
    introduce(p);
    return true;
}

int64_t program_size(const program *p, int64_t full, int64_t quick, int64_t tiny)
{
    return p->tiny ? tiny : p->quick ? quick : full;
}

const char *program_words(program *p, const char *format, ...)
{
    va_list list;
    char text[1024];
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    char *kept = ct_object_new(p->cx, strlen(text) + 1, NULL);
    return kept ? strcpy(kept, text) : "";
}

/* -- On the way */
void program_say(program *p, const char *format, ...)
{
    va_list list;
    if (p->shown > 0 && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    fflush(stdout);
}

/* what is left of the time, from how long the share since the first call took */
static void show(program *p, double share, const char *text, bool terminal)
{
    double now = seconds_now(), done = share - p->first_share;
    double left = done > 0 ? (now - p->first) / done * (1 - share) : 0;
    int cells = (int)(CELLS_OF_BAR * share);
    if (terminal)
        fprintf(stderr, "\r\033[K  [%.*s%*s] ", cells, "##############################",
                CELLS_OF_BAR - cells, "");
    fprintf(stderr, "%3.0f %%", 100 * share);
    if (done > 0)
        fprintf(stderr, ", %d:%02d left", (int)left / 60, (int)left % 60);
    fprintf(stderr, "  %s%s", text, terminal ? "" : "\n");
    fflush(stderr);
    p->shown = now;
}

bool program_progress(program *p, double share, const char *format, ...)
{
    bool terminal = isatty(STDERR_FILENO);
    double now = seconds_now();
    if (p->first == 0)
        p->first = now, p->first_share = share, p->shown = now;
    if (p->rank == 0 && now - p->shown >= (terminal ? 0.1 : 30)) {
        va_list list;
        char text[256];
        va_start(list, format);
        vsnprintf(text, sizeof text, format, list);
        va_end(list);
        show(p, share, text, terminal);
    }
    p->stopped = p->ranks == 1 && stop;
    return !stop && !ct_error(p->cx);
}

void program_target(program *p, bool reached, const char *format, ...)
{
    va_list list;
    char text[512];
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    p->missed |= !reached;
    bool smaller = p->quick || p->tiny;
    const char *word = reached ? "reached" : smaller ? "not by this smaller run" : "MISSED";
    program_say(p, "%s: %s", word, text);
    FILE *page = p->report ? p->report->targets.file : NULL;
    if (!page)
        return;
    fprintf(page, "<li><b class=\"%s\">%s</b> ", reached ? "good" : "bad", word);
    escape(page, text);
    fputs("</li>\n", page);
}

/* -- The end */
static int status_of(const program *p)
{
    if (p->check.tensors > 0 && !p->check.passed)
        return EXIT_GRADIENT;
    if (p->stopped)
        return EXIT_INTERRUPTED;
    return p->missed && !p->quick && !p->tiny ? EXIT_MISSED : 0;
}

int program_end(program *p, const char *format, ...)
{
    char result[1024] = "";
    if (format) {
        va_list list;
        va_start(list, format);
        vsnprintf(result, sizeof result, format, list);
        va_end(list);
    }
    p->status = status_of(p);
    if (ct_error(p->cx))
        complain(p, "", ct_error_text(p->cx));
    else if (p->status == EXIT_GRADIENT)
        fprintf(stderr, "%s: a gradient is wrong, or could not be checked: nothing is trained\n",
                p->name);
    else if (format && p->rank == 0 && !report_write(p, result))
        complain(p, p->report->path, strerror(errno));
    else if (format) {
        program_say(p, "report: %s", p->report->path);
        program_say(p, "%s", result);
    }
    report_free(p);
    if (p->ranks > 1)
        p->parallel->end(p);
    ct_context_free(p->cx);
    return p->status;
}
