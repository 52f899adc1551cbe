#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "style.h"

/* -- The file */
static FILE *text_begin(text *t)
{
    return t->file = open_memstream(&t->bytes, &t->n);
}

static void text_free(text *t)
{
    if (t->file)
        fclose(t->file);
    free(t->bytes);
}

bool report_begin(program *p)
{
    report *r = p->report = calloc(1, sizeof *r);
    if (!r)
        return false;
    r->facts_at = -1;
    if (p->rank > 0) /* whose page is not written */
        return text_begin(&r->page) && text_begin(&r->facts) && text_begin(&r->targets)
            && text_begin(&r->settings);
    if ((size_t)snprintf(r->path, sizeof r->path, "%s/report.html", p->out) >= sizeof r->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    r->made = mkdir(p->out, 0777) == 0;
    if (!r->made && errno != EEXIST)
        return false;
    FILE *page = fopen(r->path, "a"); /* what is there stays until there is something better */
    if (!page)
        return false;
    bool empty = fseek(page, 0, SEEK_END) == 0 && ftell(page) == 0;
    fclose(page);
    if (empty)
        remove(r->path);
    return text_begin(&r->page) && text_begin(&r->facts) && text_begin(&r->targets)
        && text_begin(&r->settings);
}

void report_free(program *p)
{
    report *r = p->report;
    if (!r)
        return;
    text_free(&r->page), text_free(&r->facts), text_free(&r->targets), text_free(&r->settings);
    if (r->made)
        rmdir(p->out); /* if nothing was written */
    free(r);
    p->report = NULL;
}

/* text as HTML */
void escape(FILE *page, const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '&': fputs("&amp;", page); break;
        case '<': fputs("&lt;", page); break;
        case '>': fputs("&gt;", page); break;
        case '"': fputs("&quot;", page); break;
        default: fputc(*text, page);
        }
}

/* -- The parts */
static void close_element(report *r)
{
    if (r->tag)
        fprintf(r->page.file, "</%s>\n", r->tag);
    r->open = r->tag = NULL;
}

FILE *report_open(program *p, const char *class, const char *tag)
{
    report *r = p->report;
    if (!r || ct_error(p->cx)) /* then data may be missing, and there will be no report */
        return NULL;
    if (!r->open || strcmp(r->open, class) != 0) {
        close_element(r);
        r->open = class, r->tag = tag;
        fprintf(r->page.file, "<%s class=\"%s\">\n", tag, class);
    }
    return r->page.file;
}

FILE *report_html(program *p, const char *class)
{
    if (p->report)
        close_element(p->report);
    return report_open(p, class, "div");
}

static void element(program *p, const char *tag, const char *text)
{
    report *r = p->report;
    if (!r)
        return;
    close_element(r);
    fprintf(r->page.file, "<%s>", tag);
    escape(r->page.file, text);
    fprintf(r->page.file, "</%s>\n", tag);
}

void report_heading(program *p, const char *text)
{
    report *r = p->report;
    if (r && r->facts_at < 0) {
        close_element(r);
        r->facts_at = ftell(r->page.file);
    }
    element(p, "h2", text);
}

void report_text(program *p, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    element(p, "p", text);
}

void report_fact(program *p, const char *name, const char *value, const char *note)
{
    FILE *facts = p->report ? p->report->facts.file : NULL;
    if (!facts)
        return;
    fputs("<div><dt>", facts);
    escape(facts, name);
    fputs("</dt><dd>", facts);
    escape(facts, value);
    fputs("</dd><dd>", facts);
    escape(facts, note);
    fputs("</dd></div>\n", facts);
}

void report_row(program *p, const char *format, ...)
{
    bool head = p->report && (!p->report->open || strcmp(p->report->open, "table") != 0);
    FILE *page = report_open(p, "table", "table");
    char line[4096];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (!page)
        return;
    fputs("<tr>", page);
    for (char *cell = line, *end; cell; cell = end ? end + 1 : NULL) {
        end = strchr(cell, '|');
        if (end)
            *end = '\0';
        fprintf(page, "<t%c>", head ? 'h' : 'd');
        escape(page, cell);
        fprintf(page, "</t%c>", head ? 'h' : 'd');
    }
    fputs("</tr>\n", page);
}

void report_setting(program *p, const char *name, const char *format, ...)
{
    FILE *settings = p->report ? p->report->settings.file : NULL;
    char value[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(value, sizeof value, format, list);
    va_end(list);
    if (!settings)
        return;
    fputs("<tr><th>", settings);
    escape(settings, name);
    fputs("</th><td>", settings);
    escape(settings, value);
    fputs("</td></tr>\n", settings);
}

/* -- The page */
static void write_head(FILE *out, const program *p, const char *result)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>", out);
    escape(out, p->title);
    fputs("</title>\n<style>\n", out);
    for (size_t i = 0; i < sizeof style / sizeof *style; i++)
        fprintf(out, "%s\n", style[i]);
    fputs("</style>\n<main>\n<header><h1>", out);
    escape(out, p->title);
    fputs("</h1>\n<p class=\"result\">", out);
    escape(out, result);
    fputs("</p></header>\n", out);
}

static void write_facts(FILE *out, report *r)
{
    fclose(r->facts.file), r->facts.file = NULL;
    if (r->facts.n > 0)
        fprintf(out, "<dl class=\"facts\">\n%s</dl>\n", r->facts.bytes);
}

static void write_settings(FILE *out, program *p)
{
    struct rusage usage = { .ru_maxrss = 0 };
    report *r = p->report;
    fputs("<h2>How to do it again</h2>\n<table class=\"settings\">\n", out);
    char ranks[24];
    snprintf(ranks, sizeof ranks, " --ranks %d", p->ranks);
    report_setting(p, "command", "./run %s --seed %d%s%s%s%s%s", p->name, p->seed,
                   p->ranks > 1 ? ranks : "", p->quick ? " --quick" : p->tiny ? " --tiny" : "",
                   p->data ? " --data " : "", p->data ? p->data : "",
                   p->stopped ? ", ended early by Ctrl-C" : "");
    getrusage(RUSAGE_SELF, &usage);
    report_setting(p, "time", "%.1f s", seconds_now() - p->start);
    if (usage.ru_maxrss > 0)
        report_setting(p, "memory", "%ld MB at most", (long)usage.ru_maxrss / 1024);
    if (p->check.tensors > 0)
        report_setting(p, "gradient check", "%s: the gradient by each of %d tensors agrees with "
                       "central differences in double precision; %lld entries compared",
                       p->check.passed ? "pass" : "fail", p->check.tensors,
                       (long long)p->check.compared);
    report_setting(p, "library", "Cotangent %s", ct_version());
    fclose(r->settings.file), r->settings.file = NULL;
    fprintf(out, "%s</table>\n", r->settings.bytes);
}

bool report_write(program *p, const char *result)
{
    report *r = p->report;
    FILE *out = fopen(r->path, "w");
    if (!out)
        return false;
    close_element(r);
    fclose(r->page.file), r->page.file = NULL;
    fclose(r->targets.file), r->targets.file = NULL;
    size_t before = r->facts_at >= 0 ? (size_t)r->facts_at : r->page.n;
    write_head(out, p, result);
    fwrite(r->page.bytes, 1, before, out);
    write_facts(out, r);
    fwrite(r->page.bytes + before, 1, r->page.n - before, out);
    if (r->targets.n > 0)
        fprintf(out, "<h2>What this program promises</h2>\n<ul class=\"targets\">\n%s</ul>\n",
                r->targets.bytes);
    write_settings(out, p);
    fputs("</main>\n</html>\n", out);
    bool written = !ferror(out);
    return fclose(out) == 0 && written;
}
