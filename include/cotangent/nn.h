/* Networks: modules, losses, optimizers, batches, training. Built from ops.h alone.
 *
 *   ct_module *net = ct_mlp_new(cx, CT_F32, CT_SIZES(784, 128, 10), CT_RELU, NULL);
 *   int n;
 *   ct_tensor *const *parameters = ct_module_parameters(net, &n);
 *   ct_optimizer *sgd = ct_sgd_new(parameters, n, 0.1, NULL);
 *   ct_backward(ct_cross_entropy(ct_module_forward(net, x), labels));
 *   ct_optimizer_step(sgd); */
#ifndef COTANGENT_NN_H
#define COTANGENT_NN_H
#include <cotangent/nn/module.h>
#include <cotangent/nn/layers.h>
#include <cotangent/nn/losses.h>
#include <cotangent/nn/optimizers.h>
#include <cotangent/nn/data.h>
#include <cotangent/nn/train.h>
#endif
