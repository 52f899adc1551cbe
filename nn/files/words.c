/* A table of texts with open addressing, at most half full. */
#include <string.h>

#include "words.h"

/* FNV-1a (isthe.com/chongo/tech/comp/fnv), with its bits stirred, since few of them are used */
static uint64_t hash(const char *text)
{
    uint64_t h = 0xcbf29ce484222325;
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 0x100000001b3;
    return (h ^ h >> 32) * 0x9e3779b97f4a7c15;
}

/* the slot of the text, or the empty one where it belongs; the table has slots */
static int64_t *slot(const ct__words *w, const char *text)
{
    uint64_t mask = ((uint64_t)1 << w->bits) - 1, i = hash(text) >> 32 & mask;
    while (w->slots[i] && strcmp(w->text[w->slots[i] - 1], text) != 0)
        i = (i + 1) & mask;
    return &w->slots[i];
}

static bool grow(ct_context *cx, ct__words *w)
{
    ct__words larger = { .n = w->n, .bits = w->bits ? w->bits + 1 : 4 };
    const size_t room = (size_t)1 << larger.bits;
    larger.slots = ct_object_new(cx, room * sizeof *larger.slots, NULL);
    larger.text = ct_object_new(cx, room / 2 * sizeof *larger.text, NULL);
    if (!larger.slots || !larger.text)
        return ct__words_free(&larger), false;
    for (int64_t i = 0; i < w->n; i++) {
        larger.text[i] = w->text[i];
        *slot(&larger, w->text[i]) = i + 1;
    }
    ct__words_free(w);
    *w = larger;
    return true;
}

int64_t ct__words_find(const ct__words *w, const char *text)
{
    return w->bits ? *slot(w, text) - 1 : -1;
}

int64_t ct__words_add(ct_context *cx, ct__words *w, const char *text)
{
    int64_t found = ct__words_find(w, text);
    if (found >= 0)
        return found;
    if ((w->bits == 0 || w->n == (int64_t)1 << (w->bits - 1)) && !grow(cx, w))
        return -1;
    w->text[w->n] = text;
    *slot(w, text) = ++w->n;
    return w->n - 1;
}

void ct__words_free(ct__words *w)
{
    ct_object_free(w->slots);
    ct_object_free(w->text);
    *w = (ct__words){ .n = 0 };
}
