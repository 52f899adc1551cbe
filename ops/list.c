/* The list of all operators, for tests and tools. A row of a table of elementwise functions is
 * listed by itself; any other operator has its line in list.def. */
#include <cotangent/op.h>
#include <cotangent/ops.h>
#include <cotangent/program.h>
#include <string.h>

#define X(name) extern const ct_op ct__##name##_op;
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "unary.def"
#include "binary.def"
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "functions.def"
#include "functions_of_two.def"
#include "list.def"
#undef X

#define X(name) &ct__##name##_op,
static const ct_op *const list[] = {
    &ct_add_op, &ct_broadcast_to_op, &ct_sum_to_op,
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "unary.def"
#include "binary.def"
#define ROW(name, ...) X(name)
#define BINARY(name, ...) X(name)
#include "functions.def"
#include "functions_of_two.def"
#include "list.def"
};

const ct_op *const *ct_op_list(int *n)
{
    if (n)
        *n = (int)(sizeof list / sizeof *list);
    return list;
}

ct_status ct_program_emit(ct_program *p, const char *path)
{
    return ct_program_emit_with(p, path, ct_op_find);
}

const ct_op *ct_op_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof list / sizeof *list; i++)
        if (strcmp(list[i]->name, name) == 0)
            return list[i];
    return NULL;
}
