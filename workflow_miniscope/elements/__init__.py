"""The published DataJoint Elements on DataJoint 2.

``translation`` makes an unmodified Element declare its tables under DataJoint 2; each other module here corrects the
computations of one Element, and says beside each correction which published defect it is for.
"""
