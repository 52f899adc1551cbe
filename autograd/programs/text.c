/* What ct_program_text says of a plan. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "programs.h"

/* text that is written piece by piece; what does not fit is left out */
typedef struct pen {
    char *at;
    size_t room;
} pen;

static void put(pen *w, const char *format, ...) CT_PRINTF(2, 3);
static void put(pen *w, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int n = vsnprintf(w->at, w->room, format, values);
    va_end(values);
    size_t used = n < 0 ? 0 : (size_t)n < w->room ? (size_t)n : w->room - 1;
    w->at += used;
    w->room -= used;
}

/* -- Groups */
/* Was this operand of the member there before: written, or if it is read, read or written? */
static bool was_there(const ct__step *group, const ct__step *member, int operand)
{
    for (const ct__step *s = group->members;; s = ct__next_kernel(s)) {
        for (int k = s->operands - 1; k >= (s == member ? operand + 1 : 0); k--)
            if (s->data[k] == member->data[operand] && (operand > 0 || k == 0))
                return true;
        if (s == member)
            return false;
    }
}

/* Adds up how often tensors are read or written: by kernels one by one, and in the group. What is
 * gathered is not counted: it is smaller. */
static void count_passes(const ct__step *group, long long passes[2])
{
    for (const ct__step *s = group->members; s; s = ct__next_kernel(s))
        for (int k = s->operands - 1; k >= 0 && s->kernel != ct__gather; k--) {
            int same = k + 1;
            while (same < s->operands && s->data[same] != s->data[k])
                same++;
            passes[0] += !s->remade && (k == 0 || same == s->operands);
            passes[1] += !ct__in_room(s->data[k]) && !was_there(group, s, k);
        }
    passes[0] += group->sum != NULL; /* it reads what the group has read or written */
}

static void put_groups(pen *w, const ct__plan *p)
{
    for (const ct__step *s = p->steps; s; s = s->next) {
        int kernels = 0, remade = 0;
        long long passes[2] = { 0, 0 }, bytes = (long long)s->n * s->size;
        if (s->act != CT__GROUP)
            continue;
        for (const ct__step *t = s->members; t; t = ct__next_kernel(t))
            kernels += t->kernel != ct__gather, remade += t->kernel != ct__gather && t->remade;
        count_passes(s, passes);
        put(w, "  a group of %d kernels", kernels);
        if (remade > 0)
            put(w, ", %d of them once more,", remade);
        put(w, "%s over %u elements: %lld passes over memory instead of %lld, %lld bytes instead "
            "of %lld\n", s->sum ? " and a sum" : "", (unsigned)s->n, passes[1], passes[0],
            passes[1] * bytes, passes[0] * bytes);
    }
}

/* -- What is in no group */
static bool is_new(const char *const *names, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return false;
    return true;
}

static void put_others(pen *w, const ct__plan *p)
{
    enum { MOST = 16 };
    const char *names[MOST];
    int n = 0, small = 0;
    for (const ct__step *s = p->steps; s; s = s->next) {
        small += s->act == CT__KERNEL && s->kernel != ct__gather;
        if (s->act == CT__RUN && n < MOST && is_new(names, n, s->call.op->name))
            names[n++] = s->call.op->name;
    }
    if (small > 0)
        put(w, "  %d kernels by themselves: of few elements, or writing what others may read\n",
            small);
    for (int i = 0; i < n; i++)
        put(w, "%s%s", i ? ", " : "  called, since they are not elementwise: ", names[i]);
    put(w, "%s", n ? "\n" : "");
}

static int steps_of(const ct__step *steps)
{
    int n = 0;
    for (const ct__step *s = steps; s; s = s->next)
        n += s->act == CT__GROUP ? steps_of(s->members) : 1;
    return n;
}

size_t ct__plan_text(const ct__plan *p, char *to, size_t room)
{
    pen w = { to, room };
    char text[200];
    for (int i = 0; i < p->n; i++) {
        ct__tensor_print(text, sizeof text, p->arguments[i], true);
        put(&w, "%s%s", i ? ", " : "", text);
    }
    if (p->why[0]) {
        put(&w, ": eager: %s\n", p->why);
        return room - w.room;
    }
    put(&w, ": %d steps, replayed %lld times, %lld bytes instead of %lld\n", steps_of(p->steps),
        (long long)p->runs, (long long)p->arena_bytes, (long long)p->apart_bytes);
    put_groups(&w, p);
    put_others(&w, p);
    return room - w.room;
}
