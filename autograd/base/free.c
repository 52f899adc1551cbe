/* Letting go: tensors are freed when nothing keeps them (tensor.h says what keeps what), and scopes
 * are emptied. Nothing here fails, and nothing recurses, however long the graph is.
 *
 * Freeing calls functions of the user: `release` of borrowed memory, `drop` of attributes. Those
 * may use the library, so each gets a scope of its own, and what is being freed is marked as dead
 * and taken out of all lists before: nobody can use it then. */
#include "base.h"

/* -- Buffers */
static void release(ct_context *cx, const ct__borrow *borrow, void *data)
{
    ct__scope scope;
    ct__scope_push(cx, &scope);
    borrow->release(data, borrow->user);
    ct__scope_pop(cx, &scope);
}

/* Nobody reads the data any more. The block goes too if its tensor has gone before; if not, that
 * tensor may go while `release` runs, and the block with it: so the buffer is not read after. */
void ct__buffer_free(ct_context *cx, ct__buffer *buffer)
{
    ct__borrow *borrow = buffer->borrow;
    bool orphan = buffer->orphan;
    if (borrow) {
        if (borrow->release)
            release(cx, borrow, buffer->data);
        ct__give_back(cx, borrow, sizeof *borrow);
    } else if (buffer->data != buffer->tiny) {
        ct__give_back(cx, buffer->data, ((size_t)buffer->bytes + 63) / 64 * 64);
    }
    if (orphan)
        ct__give_back(cx, buffer, buffer->block);
}

static inline void drop_data(ct_tensor *t)
{
    ct__buffer *buffer = t->buffer;
    t->buffer = NULL;
    t->data = NULL;
    ct__buffer_drop(t->cx, buffer);
}

/* -- Tensors. Those to be freed are on a stack, threaded through `next` */
static inline void bury(ct_tensor *t, ct_tensor **stack)
{
    t->flags |= CT__DEAD;
    drop_data(t);
    t->next = *stack;
    *stack = t;
}

/* x loses a hold and, with `saved`, a save */
static void let_go(ct_tensor *x, bool saved, ct_tensor **stack)
{
    if (saved && --x->saves == 0 && x->handles == 0)
        drop_data(x);
    if (--x->holds == 0 && x->handles == 0)
        bury(x, stack);
}

static void free_extra(ct_tensor *t, ct_tensor **stack)
{
    ct__extra *extra = t->extra;
    ct_context *cx = t->cx;
    if (extra->name)
        ct__give_back(cx, extra->name, strlen(extra->name) + 1);
    for (ct__hook *hook = extra->hooks, *next; hook; hook = next) {
        next = hook->next;
        ct__give_back(cx, hook, sizeof *hook);
    }
    for (int i = 0; i < extra->aux_count; i++)
        if (extra->aux[i])
            let_go(extra->aux[i], true, stack);
    for (int i = 0; i < extra->outputs; i++)
        if (extra->kept[i])
            let_go(extra->kept[i], true, stack);
    ct__unhandle(extra->grad); /* a gradient has no graph: this goes two deep */
    ct__unhandle(extra->spare);
    ct__unhandle(extra->rows);
    ct__give_back(cx, extra, sizeof *extra);
}

void ct__drop_attributes(ct_context *cx, const ct_op *op, void *attributes)
{
    ct__scope scope;
    if (cx)
        ct__scope_push(cx, &scope);
    op->drop(attributes);
    if (cx)
        ct__scope_pop(cx, &scope);
}

/* the tensor's block; or the buffer's, where that was made with it and no view shares it */
static inline void give_back_block(ct_tensor *t)
{
    ct__buffer *buffer = (ct__buffer *)(void *)t - 1;
    if (!(t->flags & CT__MADE_BUFFER))
        ct__give_back(t->cx, t, ct__tensor_bytes(t->ndim, t->input_count,
                                                 t->op ? t->op->attributes_size : 0));
    else if (buffer->refs == 0)
        ct__give_back(t->cx, buffer, buffer->block);
    else
        buffer->orphan = true;
}

static void free_one(ct_tensor *t, ct_tensor **stack)
{
    ct_context *cx = t->cx;
    const ct_op *op = t->op;
    if (op) {
        if (op->drop)
            ct__drop_attributes(cx, op, ct__attributes(t));
        cx->memory.nodes--;
        ct_tensor **x = ct__inputs(t);
        for (uint32_t i = 0; t->flags & CT__REQUIRES_GRAD && i < t->input_count; i++)
            let_go(x[i], ct__saves_x(op, i), stack);
    }
    if (t->extra)
        free_extra(t, stack);
    cx->memory.tensors--;
    give_back_block(t);
}

void ct__drop(ct_tensor *t)
{
    if (t->handles > 0)
        return;
    if (t->holds > 0) {
        if (t->saves == 0)
            drop_data(t);
        return;
    }
    ct_tensor *stack = NULL;
    bury(t, &stack);
    while ((t = stack)) {
        stack = t->next;
        free_one(t, &stack);
    }
}

/* -- Scopes */
/* The newest tensor goes first: no later one depends on it, so it need not wait in the graph. */
static void empty(ct_context *cx, ct__scope *scope)
{
    for (ct_tensor *t; (t = scope->tensors);) {
        t->flags &= (uint16_t)~CT__IN_SCOPE;
        ct__unhandle(t);
    }
    for (ct__text *text; (text = scope->texts);) {
        scope->texts = text->next;
        ct__give_back_room(cx, text, sizeof *text + text->bytes);
    }
}

static void end_innermost(ct_context *cx)
{
    ct__scope *scope = cx->scope;
    empty(cx, scope);
    cx->recording = scope->recording;
    cx->inference = scope->inference;
    cx->scope = scope->outer;
    if (scope->id) {
        cx->memory.scopes--;
        ct__give_back(cx, scope, sizeof *scope);
    }
}

void ct__scope_empty(ct_context *cx, ct__scope *scope)
{
    while (cx->scope != scope)
        end_innermost(cx);
    empty(cx, scope);
}

void ct__scope_end(ct_context *cx, const ct__scope *scope)
{
    while (cx->scope != scope)
        end_innermost(cx);
    end_innermost(cx);
}

/* -- The context's end */
void ct__scopes_free(ct_context *cx)
{
    ct__scope_empty(cx, &cx->root);
}

/* What the user retained and did not release. The others in the list are gradients: they go with
 * their variables, which may be held by what comes later, so they wait in a list of their own. */
void ct__kept_free(ct_context *cx)
{
    ct_tensor *gradients = NULL;
    for (ct_tensor *t; (t = cx->kept);) {
        if (t->retains > 0) {
            t->handles -= t->retains - 1;
            t->retains = 0;
            ct__unhandle(t);
            continue;
        }
        ct__unlink(t);
        ct__link(t, &gradients);
    }
}
