# Included by CMake right after llama.cpp's own project() line (CMAKE_PROJECT_<name>_INCLUDE).
# llama-cpp-python forces LLAMA_BUILD_COMMON on, although nothing in its package links to it:
# half of the compile time. A normal variable shadows the forced cache entry.
set(LLAMA_BUILD_COMMON OFF)
