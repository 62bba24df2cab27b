"""An engine in a process of its own: with its own interpreter, limits and log, so that its crash is one failed run.

Only arrays, parameters, paths and the result's folder pass between the two processes. The child's code is this very
package, whatever interpreter runs it; what is beside it comes from the interpreter's own environment.
"""
