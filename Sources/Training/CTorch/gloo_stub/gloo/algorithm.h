#pragma once
// Declared by libtorch's headers, never used here.
