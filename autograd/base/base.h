/* The ground floor, whole: what all floors above stand on. */
#ifndef COTANGENT_BASE_H
#define COTANGENT_BASE_H
#include "context.h"
#include "listener.h"
#include "memory.h"
#include "scope.h"
#include "shape.h"
#include "tensor.h"
#endif
