/* ct_program_emit: whether a program can be written, and the functions of the file. Its own names
 * begin with emitted_, which no name of the library does. */
#include <ctype.h>
#include <string.h>

#include "emission.h"

/* -- Checks */
/* NAME of ".../NAME.c" */
static bool take_name(ct__emission *e)
{
    const char *slash = strrchr(e->path, '/'), *name = slash ? slash + 1 : e->path;
    size_t n = strlen(name);
    bool good = n > 2 && n - 2 < sizeof e->name && strcmp(name + n - 2, ".c") == 0 &&
                !isdigit((unsigned char)*name);
    for (size_t i = 0; good && i < n - 2; i++)
        good = isalnum((unsigned char)name[i]) || name[i] == '_';
    if (!good)
        return ct__emit_fail(e, CT_ERROR_VALUE, "the path must end with NAME.c, where NAME is an "
                             "identifier of C");
    memcpy(e->name, name, n - 2);
    return true;
}

static bool take_plan(ct__emission *e, const ct_program *p)
{
    ct__plan *plan = e->plan = p->plans;
    if (p->is_clone)
        return ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "the program is a clone");
    if (p->running)
        return ct__emit_fail(e, CT_ERROR_VALUE, "the program runs");
    if (!plan)
        return ct__emit_fail(e, CT_ERROR_VALUE, "the program was not run");
    if (plan->next)
        return ct__emit_fail(e, CT_ERROR_VALUE, "the program has %d plans, for different shapes or "
                             "modes; one can be written", p->count);
    if (!ct__plan_alive(plan))
        return ct__emit_fail(e, CT_ERROR_VALUE, "a leaf is not what it was: run the program again");
    if (plan->why[0])
        return ct__emit_fail(e, CT_ERROR_UNSUPPORTED, "the program stays eager: %s", plan->why);
    for (int i = 0; i < plan->n; i++)
        if (!(plan->arguments[i]->flags & CT__CONTIGUOUS))
            return ct__emit_fail(e, CT_ERROR_VALUE, "x%d of the last run is not contiguous", i);
    return true;
}

/* -- The functions of the file */
static const char *type_of(const ct_tensor *t)
{
    static const char *const types[] = { "", "float", "double", "int64_t", "bool" };
    return types[t->dtype];
}

static const ct__region *argument(const ct__emission *e, int i)
{
    for (int k = 0; k < e->region_count; k++)
        if (e->regions[k].argument == i)
            return &e->regions[k];
    return NULL;
}

/* int NAME_run(...), with how many numbers each has */
static void put_run(ct__emission *e, int sheet)
{
    const ct__plan *p = e->plan;
    ct__emit(e, sheet, "int %s_run(%s *s", e->name, e->name);
    for (int i = 0; i < p->n; i++) {
        const ct__region *r = argument(e, i);
        if (!p->same[i])
            ct__emit(e, sheet, ", %s%s *x%d /* %lld */", r && r->written ? "" : "const ",
                     type_of(p->arguments[i]), i, (long long)p->arguments[i]->count);
    }
    for (int i = 0; i < p->result_count; i++)
        ct__emit(e, sheet, ", %s *y%d /* %lld */", type_of(p->results[i]), i,
                 (long long)p->results[i]->count);
    ct__emit(e, sheet, ")");
}

static void put_top(ct__emission *e)
{
    const char *name = e->name;
    const union { uint16_t number; unsigned char first; } order = { 256 };
    ct__emit(e, CT__TOP, "/* A program of Cotangent %s, written by ct_program_emit; program.h says "
             "what the functions do. */\n#include \"cotangent.c\"\n#include <string.h>\n\n"
             "#if defined(__GNUC__)\n#pragma GCC visibility push(default)\n#endif\n"
             "typedef struct %s %s;\n%s *%s_new(int simd, int threads);\nvoid %s_free(%s *s);\n"
             "const char *%s_error(const %s *s);\n", ct_version(), name, name, name, name, name,
             name, name, name);
    put_run(e, CT__TOP);
    ct__emit(e, CT__TOP, ";\n#if defined(__GNUC__)\n#pragma GCC visibility pop\n#endif\n\n"
             "#if (defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) != %d\n"
             "#error \"written on a machine of another byte order\"\n#endif\n"
             "_Static_assert(sizeof(void *) == %d, \"written on a machine of other addresses\");\n"
             "struct %s {\n    ct__emitted e;\n};\n\n", order.first == 1, (int)sizeof(void *),
             name);
}

static void put_state(ct__emission *e)
{
    const char *name = e->name;
    ct__emit(e, CT__HEADERS, "    { -1, 0, 0, 0, 0, 0, 0, { 0 } }\n};\n"
             "static const ct__emitted_tables emitted_tables = {\n"
             "    \"%s_run\", emitted_places, emitted_headers, %d, %d, %d, %lluu, %lluu\n};\n\n",
             name, e->region_count, e->header_count, e->stream_count,
             (unsigned long long)e->cx->seed, (unsigned long long)e->cx->draws);
    ct__emit(e, CT__HEADERS, "%s *%s_new(int simd, int threads)\n{\n"
             "    return (%s *)ct__emitted_new(&emitted_tables, simd, threads);\n}\n\n"
             "void %s_free(%s *s)\n{\n    ct__emitted_free(s ? &s->e : NULL);\n}\n\n"
             "const char *%s_error(const %s *s)\n{\n    return ct_error_text(s->e.cx);\n}\n\n",
             name, name, name, name, name, name, name);
}

static void begin_run(ct__emission *e)
{
    put_run(e, CT__STEPS);
    ct__emit(e, CT__STEPS, "\n{\n    ct__emitted *e = &s->e;\n    char **at = e->at;\n"
             "    ct_tensor *const *h = e->h;\n    const ct_simd simd = e->cx->simd;\n"
             "    (void)h, (void)simd;\n");
    for (int i = 0; i < e->plan->n; i++) {
        const ct__region *r = argument(e, i);
        if (r)
            ct__emit(e, CT__STEPS, "    at[%d] = (char *)(uintptr_t)x%d;\n",
                     (int)(r - e->regions), i);
    }
    ct__emit(e, CT__STEPS, "    ct__emitted_begin(e);\n");
}

static void write_all(ct__emission *e)
{
    const ct__plan *p = e->plan;
    ct__emit_regions(e);
    put_top(e);
    ct__emit(e, CT__HEADERS, "static const ct__emitted_header emitted_headers[] = {\n");
    begin_run(e);
    ct__emit_steps(e);
    for (int i = 0; i < p->result_count && !e->failed; i++)
        ct__emit(e, CT__STEPS, "    ct__emitted_result(e, %d, y%d);\n",
                 ct__emit_header(e, p->results[i]), i);
    ct__emit(e, CT__STEPS, "    return CT_OK;\n}\n");
    ct__emit_places(e);
    put_state(e);
}

ct_status ct_program_emit_with(ct_program *p, const char *path,
                               const ct_op *(*find)(const char *name))
{
    const char *who = "program_emit";
    if (!ct__program_alive(p, who))
        return p ? CT_ERROR_STALE : CT_ERROR_NULL;
    if (!path || !find)
        return ct_fail(p->cx, CT_ERROR_NULL, "%s: the %s is NULL", who, path ? "function" : "path");
    ct__emission e = { .cx = p->cx, .find = find, .who = who, .path = path };
    if (!take_plan(&e, p) || !take_name(&e))
        return ct_error(p->cx);
    write_all(&e);
    ct_status status = ct__emit_file(&e);
    ct__emit_forget(&e);
    for (int i = 0; i < CT__SHEETS; i++)
        ct_object_free(e.sheets[i].text);
    return status;
}
