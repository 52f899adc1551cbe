/* One table: what is parsed, what --help prints and what an error quotes are the same row. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

static bool read_text(const char *text, void *user)
{
    *(const char **)user = text;
    return *text != '\0';
}

/* -- The table: number i of the rows that all programs have, then of the program's own */
static bool common_row(program *p, int i, option *row)
{
    const option rows[] = {
        { "--data", "DIR", "folder with data; default: $COTANGENT_DATA, or what the program makes\n"
          "itself", NULL, 0, 0, read_text, &p->data },
        { "--out", "DIR", "folder for report.html, made if need be; default NAME-out",
          NULL, 0, 0, read_text, &p->out },
        { "--seed", "N", "of all that is random; default 1", &p->seed, 0, 2147483647, NULL, NULL },
        { "--threads", "N", "0: as many as there are cores (the results do not depend on it);\n"
          "default 1", &p->threads, 0, 1024, NULL, NULL },
        { "--ranks", "N", "on N processes, each with a part of every batch: ./run NAME --ranks N;\n"
          "default 1", &p->ranks, 1, 1024, NULL, NULL },
        { "--replay", NULL, "record each step of training once, and replay it: the same results",
          NULL, 0, 0, NULL, NULL },
        { "--quick", NULL, "a smaller run, of at most a minute", NULL, 0, 0, NULL, NULL },
        { "--tiny", NULL, "a run of about a second that shows that it works", NULL, 0, 0, NULL,
          NULL },
        { "--help", NULL, "print this and end", NULL, 0, 0, NULL, NULL }
    };
    int n = sizeof rows / sizeof *rows, hidden = 4;
    if (!p->parallel && i >= hidden)
        i++;
    if (i < n)
        *row = rows[i];
    else if (i < n + p->option_count)
        *row = p->options[i - n];
    return i < n + p->option_count;
}

static bool row_named(program *p, const char *name, option *row)
{
    for (int i = 0; common_row(p, i, row); i++)
        if (strcmp(row->name, name) == 0)
            return true;
    return false;
}

static void print_help(program *p)
{
    option row;
    printf("usage: %s [options]\n\n%s: %s.\nWrites report.html, which shows what was found.\n\n",
           p->name, p->title, p->does);
    for (int i = 0; common_row(p, i, &row); i++) {
        const char *line = row.meaning;
        printf("  %s %-*s", row.name, 19 - (int)strlen(row.name), row.argument ? row.argument : "");
        for (const char *rest; (rest = strchr(line, '\n')); line = rest + 1)
            printf("%.*s\n%22s", (int)(rest - line), line, "");
        puts(line);
    }
    puts("\nCtrl-C ends the work early; the report is written all the same.\n\n"
         "Exit status: 0 done; 1 something failed (data, memory, a file); 2 a bad option;\n"
         "3 the gradient check did not pass, nothing was trained; 4 a promised figure was\n"
         "missed; 130 ended by Ctrl-C.");
}

/* -- Reading */
static bool read_number(const option *row, const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (end == text || *end || value < row->low || value > row->high)
        return false;
    *row->place = (int)value;
    return true;
}

static bool refuse(program *p, const char *name, const char *why)
{
    fprintf(stderr, "%s: %s: %s; see --help\n", p->name, name, why);
    p->status = EXIT_USAGE;
    return false;
}

/* an option without an argument */
static void turn_on(program *p, const option *row)
{
    static const ct_program_options strict = { .strict = true };
    if (strcmp(row->name, "--replay") == 0)
        p->replay = &strict;
    else if (strcmp(row->name, "--quick") == 0)
        p->quick = true;
    else if (strcmp(row->name, "--tiny") == 0)
        p->tiny = true;
    else
        *row->place = 1;
}

bool options_read(program *p, int argc, char **argv)
{
    option row;
    for (int i = 1; i < argc; i++) {
        if (!row_named(p, argv[i], &row))
            return refuse(p, argv[i], "no such option");
        if (strcmp(row.name, "--help") == 0) {
            print_help(p);
            return false;
        }
        if (!row.argument) {
            turn_on(p, &row);
            continue;
        }
        if (++i == argc)
            return refuse(p, row.name, "its value is missing");
        if (!(row.read ? row.read(argv[i], row.user) : read_number(&row, argv[i]))) {
            fprintf(stderr, "%s: %s: cannot use '%s'\n  %s %s: %s\n", p->name, row.name, argv[i],
                    row.name, row.argument, row.meaning);
            p->status = EXIT_USAGE;
            return false;
        }
    }
    return true;
}
