/* The layers whose weights go to PyTorch and come back: as state_dict.py has them. */
#ifndef TESTS_NN_TORCH_LAYERS_H
#define TESTS_NN_TORCH_LAYERS_H
#include <cotangent.h>

typedef struct torch_layer {
    const char *name;
    ct_module *(*make)(ct_context *cx); /* with weights of f32 */
    int64_t shape[5];                   /* of x; it ends with 0 */
    bool numbers;                       /* x are numbers of rows, i64, 0 to 6 */
    bool memory;                        /* it also looks at a second x */
} torch_layer;

extern const torch_layer torch_layers[]; /* up to one without a name */
/* what the layer makes of x; memory is NULL, or the second x */
ct_tensor *torch_layer_forward(ct_module *m, ct_tensor *x, ct_tensor *memory);
#endif
