"""How far studies on Argo Workflows go: estimated from measured parts, and measured with pods that do nothing."""
