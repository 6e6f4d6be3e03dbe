"""What happens inside a network: gradients by row and by path, shattering, responses, removed blocks, the loss surface."""
